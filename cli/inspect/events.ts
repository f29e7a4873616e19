import { command, jsonOption, socketOption } from "../command.ts";
import { loadInspect } from "../modules.ts";

export const inspectEvents = () =>
  command("events", {
    summary: "what happened and why: sessions, instructions, stops, agents, health",
    example: "bypath inspect events --follow",
  })
    .option("--follow", "go on as more happens")
    .addOption(socketOption())
    .addOption(jsonOption())
    .action(async ({ json = false, ...options }) => {
      const { inspectCommand } = await loadInspect();
      Deno.exitCode = await inspectCommand({ what: "events", json, ...options });
    });
