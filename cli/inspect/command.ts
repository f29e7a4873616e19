import { group } from "../command.ts";
import { inspectCapture } from "./capture.ts";
import { inspectDashboard } from "./dashboard.ts";
import { inspectEvents } from "./events.ts";
import { inspectExplain } from "./explain.ts";
import { inspectStatus } from "./status.ts";
import { inspectTop } from "./top.ts";
import { inspectConfigured, inspectLive } from "./tables.ts";

export const inspectCommand = () =>
  group("inspect", {
    summary: "look into a running NAT machine or agent",
    example: "bypath inspect status",
  })
    .addCommand(inspectStatus())
    .addCommand(inspectConfigured("services", "the services and what goes to them"))
    .addCommand(inspectConfigured("servers", "the servers, their health, sessions and agents"))
    .addCommand(inspectLive("sessions", "the sessions, their path and why"))
    .addCommand(inspectLive("instructions", "what agents match and rewrite"))
    .addCommand(inspectTop())
    .addCommand(inspectEvents())
    .addCommand(inspectExplain())
    .addCommand(inspectCapture())
    .addCommand(inspectDashboard());
