import { command, jsonOption } from "../command.ts";
import { loadLab } from "../modules.ts";
import { nameOption } from "./options.ts";

export const labRun = () =>
  command("run", {
    summary: "run scripted scenarios, each with its own checks",
    example: "bypath lab run --list",
  })
    .argument("[scenario...]", "names of scenarios or of groups of them")
    .option("--list", "list the scenarios, by group")
    .option("--all", "run all of them")
    .option("--brief", "the short form of each, as the tests run it")
    .addOption(nameOption())
    .addOption(jsonOption())
    .action(async (scenarios, options, command) => {
      if (scenarios.length === 0 && !options.list && !options.all) {
        command.error("needs the name of a scenario or a group, --all or --list");
      }
      if (scenarios.length > 0 && options.all) {
        command.error("--all leaves no room for names");
      }
      const { labCommand } = await loadLab();
      Deno.exitCode = await labCommand("run", { ...options, args: scenarios });
    });
