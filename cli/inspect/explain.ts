import { command, jsonOption, socketOption } from "../command.ts";
import { loadInspect } from "../modules.ts";

const PACKET_HELP = `
PACKET is one of:
  tcp|udp SOURCE:PORT > DESTINATION:PORT            from a client, or from a server to a NAT endpoint
  tcp|udp SOURCE:PORT > DESTINATION:PORT fragment   a fragment of it
  icmp SOURCE > DESTINATION                         an echo request
  icmp SOURCE > DESTINATION about PACKET            an error about a tcp or udp packet`;

export const inspectExplain = () =>
  command("explain", {
    summary: "what would happen to a packet now, step by step, and why",
    example: `bypath inspect explain "tcp 198.51.100.2:40000 > 203.0.113.10:80"`,
  })
    .argument("<packet>", "PROTOCOL SOURCE:PORT > DESTINATION:PORT, in quotes; see below")
    .addHelpText("after", PACKET_HELP)
    .addOption(socketOption())
    .addOption(jsonOption())
    .action(async (packet, { json = false, ...options }) => {
      const { inspectCommand } = await loadInspect();
      Deno.exitCode = await inspectCommand({ what: "explain", packet, json, ...options });
    });
