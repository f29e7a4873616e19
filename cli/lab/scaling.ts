import { command, jsonOption, parseCount, required } from "../command.ts";
import { loadLab } from "../modules.ts";

const FROM = "--from <file>";

export const labScaling = () =>
  command("scaling", {
    summary: "say what a NAT machine carries by what the benches measured: a model, no measurement",
    example: "bypath lab scaling --from docs/benchmarks.md",
  })
    .option(FROM, 'what "bypath lab bench --markdown" printed (required)')
    .option("--assume <name=value...>", "another value for an assumption; the output lists them")
    .option("--seed <count>", "of the sessions that are drawn", parseCount)
    .option("--markdown", "print the document docs/scaling.md")
    .addOption(jsonOption())
    .action(async ({ from, ...options }, command) => {
      if (options.json && options.markdown) {
        command.error("--json and --markdown are two ways to print the same: choose one");
      }
      const file = required(command, FROM, from);
      const { labCommand } = await loadLab();
      Deno.exitCode = await labCommand("scaling", { ...options, from: [file] });
    });
