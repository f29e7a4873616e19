import { command, jsonOption } from "../command.ts";
import { loadLab } from "../modules.ts";
import { nameOption } from "./options.ts";

export const labUp = () => networkVerb("up", "build the lab");
export const labDown = () => networkVerb("down", "remove the lab and end what runs in it");
export const labStatus = () =>
  networkVerb("status", "show the lab's machines, addresses, processes and counters");

function networkVerb(verb: "up" | "down" | "status", summary: string) {
  return command(verb, { summary, example: `bypath lab ${verb}` })
    .addOption(nameOption())
    .addOption(jsonOption())
    .action(async (options) => {
      const { labCommand } = await loadLab();
      Deno.exitCode = await labCommand(verb, options);
    });
}
