import { command, jsonOption, parseCount, socketOption } from "../command.ts";
import { loadInspect } from "../modules.ts";
import { checkFilters } from "../targets.ts";
import { ENDPOINTS } from "./tables.ts";

const TYPES_HELP = `
A TYPE is the word after the time, or its beginning: bypass is bypass-started, bypass-stopped and
bypass-declined. Sessions that open and close are remembered apart, so that many of them leave room
for the rest.`;

export const inspectEvents = () =>
  command("events", {
    summary: "what happened and why: sessions, instructions, stops, agents, health",
    example: "bypath inspect events --type bypass,agent --limit 20",
  })
    .option("--follow", "go on as more happens")
    .option("--type <types>", "only of these types, with commas between", (text) =>
      text.split(",").map((type) =>
        type.trim()
      ).filter((type) => type !== ""))
    .option("--session <id>", "only of this session")
    .option("--service <name>", "only of this service")
    .option("--client <which>", `only of this client: ${ENDPOINTS}`)
    .option("--server <which>", "only of this server, likewise")
    .option("--agent <name>", "only of this agent")
    .option("--limit <count>", "the newest so many; 100 by default", parseCount)
    .addHelpText("after", TYPES_HELP)
    .addOption(socketOption())
    .addOption(jsonOption())
    .action(async ({ json = false, type: types, ...options }, command) => {
      await checkFilters(command, options);
      const { inspectCommand } = await loadInspect();
      Deno.exitCode = await inspectCommand({
        what: "events",
        json,
        ...options,
        ...(types !== undefined && { types }),
      });
    });
