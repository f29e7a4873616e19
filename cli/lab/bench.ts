import { command, jsonOption } from "../command.ts";
import { loadLab } from "../modules.ts";
import { nameOption } from "./options.ts";

export const labBench = () =>
  command("bench", {
    summary: "measure, in turns and side by side, in a lab on this host",
    example: "bypath lab bench --only switch-latency",
  })
    .option("--only <bench...>", "names of the benches to run; default: all")
    .addOption(nameOption())
    .addOption(jsonOption())
    .action(async (options) => {
      const { labCommand } = await loadLab();
      Deno.exitCode = await labCommand("bench", options);
    });
