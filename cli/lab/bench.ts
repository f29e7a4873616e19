import { command, jsonOption, parseCount } from "../command.ts";
import { loadLab } from "../modules.ts";
import { nameOption } from "./options.ts";

export const labBench = () =>
  command("bench", {
    summary: "measure against the peers installed on this host, in turns and side by side",
    example: "bypath lab bench bulk-tcp --quick",
  })
    .argument("[bench...]", "names of benches; default: all")
    .option("--list", "list the benches and the roads that they compare")
    .option(
      "--subject <name...>",
      "compare only these of the roads; default: all that are installed",
    )
    .option("--rounds <count>", "how many turns each subject has", parseCount)
    .option("--seconds <count>", "how long one load lasts", parseCount)
    .option("--quick", "one turn, one second a load: to see that it works, not for figures")
    .option("--from <file...>", "measure nothing: show what runs printed with --json")
    .option("--markdown", "print the tables as Markdown")
    .option("--report <file>", "write it as one HTML file as well, which needs nothing else")
    .addOption(nameOption())
    .addOption(jsonOption())
    .action(async (benches, options, command) => {
      if (options.json && options.markdown) {
        command.error("--json and --markdown are two ways to print the same: choose one");
      }
      if (options.from && benches.length > 0) command.error("--from leaves no room for names");
      const { labCommand } = await loadLab();
      Deno.exitCode = await labCommand("bench", { ...options, args: benches });
    });
