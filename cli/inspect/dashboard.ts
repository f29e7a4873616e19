import { Option } from "@commander-js/extra-typings";
import { command, jsonOption, socketOption } from "../command.ts";
import { loadDashboard } from "../modules.ts";
import { endpointOf } from "../targets.ts";

export const inspectDashboard = () =>
  command("dashboard", {
    summary: "serve a page for a browser, read only: paths, throughput, sessions, events, agents",
    example: "bypath inspect dashboard --listen 127.0.0.1:8400",
  })
    .addOption(
      new Option(
        "--listen <address:port>",
        "where to serve it; elsewhere than on loopback, whoever reaches it can read it",
      ).default("127.0.0.1:8400"),
    )
    .addOption(socketOption())
    .addOption(jsonOption())
    .action(async ({ listen: text, json = false, ...options }, command) => {
      const listen = await endpointOf(command, "--listen", text);
      const { serveDashboard } = await loadDashboard();
      Deno.exitCode = await serveDashboard({ listen, json, ...options });
    });
