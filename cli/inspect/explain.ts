import { command, jsonOption, socketOption } from "../command.ts";
import { loadInspect } from "../modules.ts";

export const inspectExplain = () =>
  command("explain", {
    summary: "what would happen to a packet now, step by step, and why",
    example: `bypath inspect explain "tcp 198.51.100.2:40000 > 203.0.113.10:80"`,
  })
    .argument("<packet>", "PROTOCOL SOURCE:PORT > DESTINATION:PORT, in quotes")
    .addOption(socketOption())
    .addOption(jsonOption())
    .action(async (packet, { json = false, ...options }) => {
      const { inspectCommand } = await loadInspect();
      Deno.exitCode = await inspectCommand({ what: "explain", packet, json, ...options });
    });
