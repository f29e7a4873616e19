import { command } from "../command.ts";
import { loadLab } from "../modules.ts";

/** The programs that make the lab's traffic: their arguments are their own. */
export const labTraffic = () =>
  command("traffic", {
    summary: "make traffic inside the lab",
    example: "bypath lab traffic --help",
  })
    .argument("[args...]")
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (args) => {
      const { labCommand } = await loadLab();
      Deno.exitCode = await labCommand("traffic", { args });
    });
