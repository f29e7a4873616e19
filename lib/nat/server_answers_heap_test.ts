import { checkPacketHeap } from "../../tests/support/heap.ts";
import { buildPacket, type FrameOptions } from "../wire/build_frame.ts";
import { Bench, config, service } from "./_test_translator.ts";

/** As many as a table lets be half-open. */
const SESSIONS = 1_000;
const SYN = 2, ACK = 16, RST = 4;

Deno.test("what is counted of servers that refuse or are silent, and who belongs where, allocates nothing", () => {
  const affinity = { ipv4: 32, ipv6: 128, timeoutMs: 60_000 };
  const bench = new Bench({
    config: config({ services: [service({ affinity })], portLast: 60_000 }),
    capacity: 2 * SESSIONS,
  });
  const inputs: Uint8Array[] = [];
  for (let n = 0; n < SESSIONS; n++) {
    const syn: FrameOptions = {
      protocol: "tcp",
      source: `198.51.${n >> 8}.${n & 255}:40000`,
      destination: "203.0.113.10:80",
      flags: SYN,
    };
    const { source: destination, destination: source } = bench.send(syn);
    inputs.push(buildPacket(syn));
    inputs.push(buildPacket({
      ...syn,
      source,
      destination,
      flags: RST | ACK,
      acknowledgement: 2,
    }));
  }
  bench.nowMs += 10_000;
  const { nowMs, translator } = bench;
  checkPacketHeap(inputs, (packet) => translator.handle(packet, 0, nowMs));
});
