import { command, jsonOption } from "../command.ts";
import { loadLab } from "../modules.ts";
import { nameOption } from "./options.ts";

export const labDemo = () =>
  command("demo", {
    summary:
      "the whole story with real traffic and measured figures; fails when a step does not hold",
    example: "bypath lab demo",
  })
    .option("--report <file>", "write it as one HTML file as well, which needs nothing else")
    .addOption(nameOption())
    .addOption(jsonOption())
    .action(async (options) => {
      const { labCommand } = await loadLab();
      Deno.exitCode = await labCommand("demo", options);
    });
