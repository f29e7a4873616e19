import assert from "node:assert/strict";
import { DROP } from "../session/drop_reason.ts";
import type { PacketSource } from "./engine.ts";
import { FreshSource, LONGEST_WAIT_MS } from "./fresh_source.ts";
import { BATCH } from "./packet_source.ts";

/** A device in which packets wait, and a clock. */
class Device implements PacketSource {
  readonly fd = 9;
  waiting = 0;
  nowMs = 1_000_000;
  /** For so long the reader is stopped while it takes packets. */
  stopMs = 0;
  more = false;
  readonly fresh = new FreshSource(this, () => this.nowMs);

  receive(): number {
    const count = Math.min(BATCH, this.waiting);
    this.waiting -= count;
    this.nowMs += this.stopMs;
    this.stopMs = 0;
    this.more = count === BATCH;
    return count;
  }
  slotOffset = (i: number) => i;
  frameBytes = () => 60;
  refusal = () => DROP.truncated;
  drops = () => 0;

  /** Takes what is there at once: how many are to be looked at, and how many are refused. */
  take(): [kept: number, refused: number] {
    const count = this.fresh.receive();
    const refused = Array.from({ length: count }, (_, i) => i)
      .filter((i) => this.fresh.frameBytes(i) === 0);
    for (const i of refused) assert.equal(this.fresh.refusal(i), DROP.stoodStill);
    return [count - refused.length, refused.length];
  }
}

Deno.test("what waited while its reader stood still is refused to the last, and what comes then is not", () => {
  const device = new Device();
  assert.deepEqual(device.take(), [0, 0]);
  device.waiting = 2 * BATCH + 1;
  device.nowMs += 60_000;
  assert.deepEqual([1, 2, 3].map(() => device.take()), [[0, BATCH], [0, BATCH], [0, 1]]);
  device.waiting = 5;
  assert.deepEqual(device.take(), [5, 0]);
});

Deno.test("a reader that is stopped while it takes packets refuses them as well", () => {
  const device = new Device();
  device.waiting = BATCH + 3;
  device.stopMs = 60_000;
  assert.deepEqual([device.take(), device.take()], [[0, BATCH], [0, 3]]);
});

Deno.test("a shorter pause refuses nothing, and one without packets means nothing later", () => {
  const device = new Device();
  device.waiting = 2 * BATCH;
  device.nowMs += LONGEST_WAIT_MS;
  assert.deepEqual([device.take(), device.take()], [[BATCH, 0], [BATCH, 0]]);
  device.nowMs += LONGEST_WAIT_MS + 1;
  assert.deepEqual(device.take(), [0, 0]);
  device.waiting = 1;
  assert.deepEqual(device.take(), [1, 0]);
});

Deno.test("a device that never gets empty is not refused for ever", () => {
  const device = new Device();
  device.nowMs += 60_000;
  let refused = 0;
  for (let n = 0; n < 100; n++) {
    device.waiting = 500;
    refused += device.take()[1];
  }
  assert.equal(refused, 1024);
});
