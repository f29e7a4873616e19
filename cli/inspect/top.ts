import { command, socketOption } from "../command.ts";
import { loadInspect } from "../modules.ts";
import { parseInterval, WATCH_MS } from "./tables.ts";

export const inspectTop = () =>
  command("top", {
    summary: "sessions, servers and services by rate on the whole terminal; keys at the bottom",
    example: "bypath inspect top --interval 1s",
  })
    .option("--interval <time>", "how often it looks; 2s by default", parseInterval)
    .addOption(socketOption())
    .action(async ({ interval = WATCH_MS, ...options }) => {
      const { inspectCommand } = await loadInspect();
      Deno.exitCode = await inspectCommand({
        what: "top",
        json: false,
        topMs: interval,
        ...options,
      });
    });
