import assert from "node:assert/strict";
import { POLLIN, POLLNVAL, POLLOUT } from "./constants.ts";
import { openEventFd } from "./event_fd.ts";
import { Poller, waitReadable } from "./poll.ts";

Deno.test("Poller tells which descriptors are ready", () => {
  using first = openEventFd();
  using second = openEventFd();
  using poller = new Poller();
  assert.deepEqual([poller.add(first.fd.number, POLLIN), poller.add(second.fd.number, POLLIN)], [
    0,
    1,
  ]);
  assert.equal(poller.wait(0), 0);
  second.signal();
  assert.equal(poller.wait(-1), 1);
  assert.deepEqual([poller.ready(0), poller.ready(1)], [0, POLLIN]);
  poller.setFd(1, -1);
  assert.equal(poller.wait(0), 0);
  assert.equal(poller.ready(1), 0);
});

Deno.test("Poller waits no longer than told", () => {
  using event = openEventFd();
  using poller = new Poller();
  poller.add(event.fd.number, POLLIN);
  const before = performance.now();
  assert.equal(poller.wait(20), 0);
  const tookMs = performance.now() - before;
  assert.ok(tookMs >= 19 && tookMs < 500, `it took ${tookMs} ms`);
});

Deno.test("Poller marks a descriptor that is not open, and refuses one too many", () => {
  using poller = new Poller({ capacity: 1 });
  poller.add(1_000_000, POLLOUT);
  assert.equal(poller.wait(0), 1);
  assert.equal(poller.ready(0), POLLNVAL);
  assert.throws(() => poller.add(0, POLLIN), RangeError);
});

Deno.test("waitReadable() resolves when there is something, and when the time is over", async () => {
  using event = openEventFd();
  assert.equal(await waitReadable(event.fd.number, 5), false);
  const waiting = waitReadable(event.fd.number, 10_000);
  event.signal();
  assert.equal(await waiting, true);
  await assert.rejects(waitReadable(1_000_000, 10), TypeError);
});

Deno.test("waitReadable() waits for several descriptors, so that one can call it off", async () => {
  using data = openEventFd();
  using stop = openEventFd();
  const waiting = waitReadable([data.fd.number, stop.fd.number], 10_000);
  stop.signal();
  assert.equal(await waiting, true);
  assert.deepEqual([data.drain(), stop.drain()], [false, true]);
});
