import assert from "node:assert/strict";
import { LISTENING, PacketThreadEnd, type PacketThreadShared } from "./packet_thread_end.ts";
import { makeCounters } from "../session/counters.ts";
import { Ring } from "./ring.ts";

Deno.test("tell() rings only when nobody looks for events by himself", () => {
  const bells: unknown[] = [];
  Object.assign(self, { postMessage: (message: unknown) => bells.push(message) });
  const events = new Ring(8);
  const signals = new Int32Array(new SharedArrayBuffer(64));
  const shared: PacketThreadShared = {
    counters: makeCounters().buffer,
    events: events.buffer,
    commands: new Ring(8).buffer,
    signals: signals.buffer,
    bell: -1,
  };
  const worker = new PacketThreadEnd(shared);
  const read: number[] = [];
  const drain = () => events.drain((event) => read.push(event));

  assert.ok(worker.tell(1, 0, 0, 0));
  assert.ok(worker.tell(2, 0, 0, 0));
  assert.deepEqual(bells, [{ kind: "bell" }]);
  Atomics.store(signals, LISTENING, 1);
  drain();
  assert.ok(worker.tell(3, 0, 0, 0));
  drain();
  assert.ok(worker.tell(4, 0, 0, 0));
  assert.equal(bells.length, 1);
  // Whoever stops looking looks once more.
  Atomics.store(signals, LISTENING, 0);
  drain();
  assert.deepEqual(read, [1, 2, 3, 4]);
  assert.ok(worker.tell(5, 0, 0, 0));
  assert.equal(bells.length, 2);
  Reflect.deleteProperty(self, "postMessage");
});
