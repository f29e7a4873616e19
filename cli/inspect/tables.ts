import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { command, jsonOption, parseCount, socketOption } from "../command.ts";
import type { InspectOptions } from "../../lib/inspect/options.ts";
import { loadInspect } from "../modules.ts";
import { checkFilters } from "../targets.ts";

/** Agents report every second: a look at each of two seconds meets news. */
export const WATCH_MS = 2000;
const LEAST_WATCH_MS = 100;
const MOST_WATCH_MS = 3_600_000;
export const ENDPOINTS = "ADDRESS, PREFIX/LENGTH, ADDRESS:PORT or :PORT";

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
    .option(
      "--watch [interval]",
      "show again and again, with rates and what they were, until Ctrl-C; every 2s by default",
      parseInterval,
    )
    .addOption(socketOption())
    .addOption(jsonOption());
}

async function inspect(
  what: TableName,
  { json = false, watch, ...filters }:
    & Omit<InspectOptions, "what" | "json">
    & { json?: boolean; watch?: number | true },
): Promise<void> {
  const { inspectCommand } = await loadInspect();
  const watchMs = watch === true ? WATCH_MS : watch;
  Deno.exitCode = await inspectCommand({
    what,
    json,
    ...filters,
    ...(watchMs !== undefined && { watchMs }),
  });
}

/** `2s`, `500ms`; a number alone is seconds, as with watch(1). */
export function parseInterval(text: string): number {
  const found = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text);
  const unit = { ms: 1, s: 1000, m: 60_000 }[found?.[2] ?? "s"]!;
  const intervalMs = Number(found?.[1]) * unit;
  if (found === null || intervalMs < LEAST_WATCH_MS || intervalMs > MOST_WATCH_MS) {
    throw new InvalidArgumentError("Not an interval from 100ms to 60m, such as 2s or 500ms.");
  }
  return intervalMs;
}
