import { command, jsonOption, socketOption } from "../command.ts";
import { loadInspect } from "../modules.ts";

export const natReload = () =>
  command("reload", {
    summary: "make the running NAT machine take its configuration again, all of it or none",
    example: "bypath nat reload --dry-run",
  })
    .option("--dry-run", "only say what would change")
    .addOption(socketOption())
    .addOption(jsonOption())
    .action(async ({ json = false, ...options }) => {
      const { natVerb } = await loadInspect();
      Deno.exitCode = await natVerb({ verb: "reload", json, ...options });
    });
