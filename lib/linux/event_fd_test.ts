import assert from "node:assert/strict";
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
  const source = `
    import { signalEventFd } from ${JSON.stringify(import.meta.resolve("./event_fd.ts"))};
    self.onmessage = ({ data }) => signalEventFd(data);
    self.postMessage("ready");`;
  const url = URL.createObjectURL(new Blob([source], { type: "application/javascript" }));
  const worker = new Worker(url, { type: "module" });
  await new Promise((resolve) => worker.onmessage = resolve);
  worker.postMessage(event.fd.number);
  assert.equal(await waitReadable(event.fd.number, 10_000), true);
  assert.equal(event.drain(), true);
  worker.terminate();
  URL.revokeObjectURL(url);
});
