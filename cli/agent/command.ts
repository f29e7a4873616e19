import { group } from "../command.ts";
import { agentCheck } from "./check.ts";
import { agentRun } from "./run.ts";

export const agentCommand = () =>
  group("agent", {
    summary: "the agent on a server",
    example: "bypath agent check --config agent.yaml",
  })
    .addCommand(agentRun())
    .addCommand(agentCheck());
