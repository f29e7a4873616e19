import assert from "node:assert/strict";
import fc from "fast-check";
import { CROSSED } from "../policy/criteria.ts";
import { Bench, config, service } from "./_test_translator.ts";

const PROTOCOL_UDP = 17;
const BYTES = 100;

/** A UDP service whose responses the test sends; tells what crossed. */
class Watched {
  readonly bench: Bench;
  readonly gates = new Uint8Array(1);
  readonly #nat: string;

  constructor(start: Parameters<typeof service>[0] & object) {
    this.bench = new Bench({
      config: config({ services: [service({ protocol: PROTOCOL_UDP, ...start })] }),
      closedGates: this.gates,
    });
    this.#nat = this.bench.send(this.#request()).source;
  }

  /** So many responses, a time after the ones before. */
  responses(count: number, afterMs = 0): void {
    this.bench.nowMs += afterMs;
    for (let n = 0; n < count; n++) {
      this.bench.send({
        protocol: "udp",
        source: "10.0.0.11:8080",
        destination: this.#nat,
        payload: new Uint8Array(BYTES - 28),
      });
    }
  }

  /** The criterion that was met and its number, or null. */
  get crossed(): [number, number] | null {
    const told = this.bench.told.find((line) => line.startsWith("crossed"));
    const [, , , reason, value] = told?.split(" ").map(Number) ?? [];
    return told === undefined ? null : [reason!, value!];
  }

  #request() {
    return {
      protocol: "udp" as const,
      source: "198.51.100.2:4000",
      destination: "203.0.113.10:80",
    };
  }
}

Deno.test("a session meets the criterion age with its first response at that age", () => {
  const it = new Watched({ start: { ageMs: 60_000 } });
  it.responses(5, 59_999);
  it.bench.pass(100);
  assert.equal(it.crossed, null, "time alone is not looked at");
  it.responses(1);
  assert.deepEqual(it.crossed, [CROSSED.age, 60_000]);
});

Deno.test("a session meets the criterion rate when it goes on at it, and not by a burst", () => {
  const it = new Watched({ start: { byteRate: 10_000 } });
  it.responses(90);
  it.responses(1, 1000);
  assert.equal(it.crossed, null);
  for (let n = 0; n < 20 && it.crossed === null; n++) it.responses(20, 100);
  assert.deepEqual(it.crossed, [CROSSED.rate, 10_000]);
  const slow = new Watched({ start: { packetRate: 100 } });
  for (let n = 0; n < 100; n++) slow.responses(9, 100);
  assert.equal(slow.crossed, null, "90 packets a second");
  for (let n = 0; n < 30 && slow.crossed === null; n++) slow.responses(20, 100);
  assert.deepEqual(slow.crossed, [CROSSED.packetRate, 100]);
});

Deno.test("all of several criteria are met by the packet that meets the last of them", () => {
  const it = new Watched({ start: { all: { packets: 10, ageMs: 5000 } } });
  it.responses(20, 4000);
  assert.equal(it.crossed, null);
  it.responses(1, 1000);
  assert.deepEqual(it.crossed, [CROSSED.all, 2]);
});

Deno.test("a closed gate keeps sessions from crossing until it opens", () => {
  const it = new Watched({ start: { packets: 3 } });
  it.gates[0] = 1;
  it.responses(50, 100);
  assert.equal(it.crossed, null);
  it.gates[0] = 0;
  assert.equal(it.crossed, null, "with the next packet");
  it.responses(1);
  assert.deepEqual(it.crossed, [CROSSED.packets, 3]);
});

Deno.test("the packet that meets a criterion is the first that does, whatever came when", () => {
  const steps = fc.array(
    fc.record({ count: fc.integer({ min: 1, max: 5 }), afterMs: fc.integer({ min: 0, max: 900 }) }),
    { minLength: 1, maxLength: 30 },
  );
  const numbers = fc.record({
    packets: fc.integer({ min: 1, max: 60 }),
    bytes: fc.integer({ min: 1, max: 6000 }),
    ageMs: fc.integer({ min: 1, max: 9000 }),
  });
  fc.assert(fc.property(numbers, steps, (start, steps) => {
    const it = new Watched({ start });
    const beganMs = it.bench.nowMs;
    let packets = 0;
    for (const { count, afterMs } of steps) {
      it.bench.nowMs += afterMs;
      for (let n = 0; n < count; n++) {
        packets++;
        it.responses(1);
        const met = packets >= start.packets || packets * BYTES >= start.bytes ||
          it.bench.nowMs - beganMs >= start.ageMs;
        assert.equal(it.crossed !== null, met);
        if (met) return;
      }
    }
  }));
});
