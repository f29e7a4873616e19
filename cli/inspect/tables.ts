import { Option } from "@commander-js/extra-typings";
import { command, jsonOption, parseCount, socketOption } from "../command.ts";
import { type InspectOptions, loadInspect } from "../modules.ts";
import { checkTargets } from "../targets.ts";

type TableName = "services" | "servers" | "sessions" | "instructions";

/** A table of what is configured. */
export const inspectConfigured = (what: "services" | "servers", summary: string) =>
  table(what, { summary, example: `bypath inspect ${what} --service web` })
    .action(async (options, command) => {
      await checkTargets(command, { "--server": options.server });
      await inspect(what, options);
    });

/** A table of what goes on. */
export const inspectLive = (what: "sessions" | "instructions", summary: string) =>
  table(what, { summary, example: `bypath inspect ${what} --path bypass --limit 10` })
    .option("--client <address[:port]>", "only of this client")
    .addOption(new Option("--path <path>", "only on this path").choices(["nat", "bypass"] as const))
    .action(async (options, command) => {
      const { server, client } = options;
      await checkTargets(command, { "--server": server, "--client": client });
      await inspect(what, options);
    });

function table(name: TableName, help: { summary: string; example: string }) {
  return command(name, help)
    .option("--service <name>", "only of this service")
    .option("--server <address[:port]>", "only of this server")
    .option("--sort <column>", "sort by this column")
    .option("--limit <count>", "show at most so many", parseCount)
    .addOption(socketOption())
    .addOption(jsonOption());
}

async function inspect(
  what: TableName,
  { json = false, ...filters }: Omit<InspectOptions, "what" | "json"> & { json?: boolean },
): Promise<void> {
  const { inspectCommand } = await loadInspect();
  Deno.exitCode = await inspectCommand({ what, json, ...filters });
}
