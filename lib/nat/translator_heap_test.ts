import { checkPacketHeap } from "../../tests/support/heap.ts";
import type { StartSettings } from "../policy/criteria.ts";
import { ServiceTraffic } from "../session/service_traffic.ts";
import { buildPacket, type FrameOptions } from "../wire/build_frame.ts";
import { Bench, config, service } from "./_test_translator.ts";

const SESSIONS = 5_000;
const SYN = 2, ACK = 16;

const NEVER_MET: Readonly<Record<string, StartSettings>> = {
  "": { bytes: 1e15 },
  ", also when every kind of criterion is watched": {
    packets: 1e15,
    ageMs: 1e15,
    byteRate: 1e15,
    packetRate: 1e15,
    all: { bytes: 1, byteRate: 1e15 },
  },
};

for (const [what, start] of Object.entries(NEVER_MET)) {
  Deno.test(`translating a packet allocates nothing${what}`, () => {
    const bench = new Bench({
      config: config({ services: [service({ start })], portLast: 60_000 }),
      capacity: 2 * SESSIONS,
      traffic: new ServiceTraffic(new SharedArrayBuffer(ServiceTraffic.BYTES)),
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
    let handled = 0;
    // A batch within a millisecond. A whole number: the test itself must allocate nothing either.
    checkPacketHeap(inputs, (packet) => translator.handle(packet, 0, nowMs + (handled++ >> 6)));
  });
}
