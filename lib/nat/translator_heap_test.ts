import { checkPacketHeap } from "../../tests/support/heap.ts";
import { buildPacket, type FrameOptions } from "../wire/build_frame.ts";
import { Bench, config, service } from "./_test_translator.ts";

const SESSIONS = 5_000;
const SYN = 2, ACK = 16;

Deno.test("translating a packet allocates nothing", () => {
  const bench = new Bench({
    config: config({ services: [service({ start: { bytes: 1e15 } })], portLast: 60_000 }),
    capacity: 2 * SESSIONS,
  });
  const inputs: Uint8Array[] = [];
  for (let n = 0; n < SESSIONS; n++) {
    const data: FrameOptions = {
      protocol: "tcp",
      source: `198.51.${n >> 8}.${n & 255}:40000`,
      destination: "203.0.113.10:80",
      flags: ACK,
    };
    const opened = bench.send({ ...data, flags: SYN });
    const { source: destination, destination: source } = opened;
    bench.send({ ...data, source, destination, flags: SYN | ACK });
    bench.send(data);
    inputs.push(
      buildPacket(data),
      buildPacket({
        ...data,
        source,
        destination,
        payload: new Uint8Array(1400),
      }),
    );
  }
  const { nowMs, translator } = bench;
  checkPacketHeap(inputs, (packet) => translator.handle(packet, 0, nowMs));
});
