import { command, jsonOption, socketOption } from "../command.ts";
import { loadInspect } from "../modules.ts";

export const inspectStatus = () =>
  command("status", {
    summary: "one screen: role, ready or not, agents, sessions, rates, drops; fails unless ready",
    example: "bypath inspect status",
  })
    .addOption(socketOption())
    .addOption(jsonOption())
    .action(async ({ json = false, ...options }) => {
      const { inspectCommand } = await loadInspect();
      Deno.exitCode = await inspectCommand({ what: "status", json, ...options });
    });
