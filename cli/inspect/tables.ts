import { Option } from "@commander-js/extra-typings";
import { command, jsonOption, parseCount, socketOption } from "../command.ts";
import type { InspectOptions } from "../../lib/inspect/options.ts";
import { loadInspect } from "../modules.ts";
import { checkFilters } from "../targets.ts";

const ENDPOINTS = "ADDRESS, PREFIX/LENGTH, ADDRESS:PORT or :PORT";

type TableName = "services" | "servers" | "sessions" | "instructions";

/** A table of what is configured. */
export const inspectConfigured = (what: "services" | "servers", summary: string) =>
  table(what, { summary, example: `bypath inspect ${what} --service web` })
    .action(async (options, command) => {
      await checkFilters(command, options);
      await inspect(what, options);
    });

/** A table of what goes on. */
export const inspectLive = (what: "sessions" | "instructions", summary: string) =>
  table(what, { summary, example: `bypath inspect ${what} --path bypass --limit 10` })
    .option("--client <which>", `only of this client: ${ENDPOINTS}`)
    .addOption(new Option("--path <path>", "only on this path").choices(["nat", "bypass"] as const))
    .action(async (options, command) => {
      await checkFilters(command, options);
      await inspect(what, options);
    });

function table(name: TableName, help: { summary: string; example: string }) {
  return command(name, help)
    .option("--service <name>", "only of this service")
    .option("--server <which>", `only of this server: ${ENDPOINTS}`)
    .option(
      "--sort <columns>",
      "sort by these columns: NAME upwards, -NAME downwards, with commas between",
    )
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
