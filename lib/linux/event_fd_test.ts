import assert from "node:assert/strict";
import { askWorker } from "./_test_worker.ts";
import { openEventFd, signalEventFd } from "./event_fd.ts";
import { waitReadable } from "./poll.ts";

Deno.test("an eventfd is ready from a signal to the drain, however many signals", () => {
  using event = openEventFd();
  assert.equal(event.drain(), false);
  event.signal();
  signalEventFd(event.fd.number);
  assert.equal(event.drain(), true);
  assert.equal(event.drain(), false);
});

Deno.test("a thread that knows the number alone can signal", async () => {
  using event = openEventFd();
  await askWorker({ kind: "signal", fd: event.fd.number });
  assert.equal(await waitReadable(event.fd.number, 10_000), true);
  assert.equal(event.drain(), true);
});
