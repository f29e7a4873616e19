import assert from "node:assert/strict";
import { rootTest } from "../../tests/support/root_test.ts";
import { inVethPair, makeFrame, ROOT } from "./_test_end.ts";
import { run } from "../../tests/support/namespace.ts";
import { EAGAIN, EINVAL, ETH_P_IP } from "./constants.ts";
import { mapAnonymous } from "./memory.ts";
import { SendQueue } from "./message_batch.ts";

rootTest("flush() skips what the kernel refuses, counts it, and sends the rest", ROOT, async () => {
  await inVethPair((sender, receiver) => {
    const tooLong = makeFrame(3000, { type: ETH_P_IP });
    const fine = makeFrame(60, { type: ETH_P_IP });
    const tooShort = new Uint8Array(5);
    assert.equal(sender.send([tooLong, fine, tooShort, fine]), 2);
    assert.equal(sender.queue.failed, 2);
    assert.equal(sender.queue.lastErrno, EINVAL);
    assert.equal(sender.queue.length, 0);
    assert.deepEqual(receiver.receive(), [fine, fine]);
  });
});

Deno.test("SendQueue refuses a message that is not inside its memory, and one too many", () => {
  using memory = mapAnonymous(4096);
  using queue = new SendQueue(memory, { capacity: 2 });
  assert.throws(() => queue.push(4090, 7), RangeError);
  assert.throws(() => queue.push(-1, 7), RangeError);
  queue.push(4090, 6);
  assert.deepEqual([queue.length, queue.full], [1, false]);
  queue.push(0, 1);
  assert.deepEqual([queue.length, queue.full], [2, true]);
  assert.throws(() => queue.push(0, 1), RangeError);
  queue.clear();
  assert.equal(queue.length, 0);
});

const TC = { ...ROOT, tools: ["tc"] };

rootTest("flush() waits for a full send buffer, then counts the rest as failed", TC, async () => {
  // A queueing discipline that lets next to nothing through keeps what was sent in the buffer.
  await inVethPair(async (sender, receiver) => {
    await run("tc qdisc add dev va root tbf rate 8kbit burst 1600 limit 1000000");
    const before = performance.now();
    const sent = sender.send(Array(30).fill(makeFrame(1000, { type: ETH_P_IP })));
    const tookMs = performance.now() - before;
    assert.ok(sent > 0 && sent < 30, `${sent} were sent`);
    assert.equal(sender.queue.failed, 30 - sent);
    assert.equal(sender.queue.lastErrno, EAGAIN);
    assert.ok(tookMs >= 10 && tookMs < 500, `it took ${tookMs} ms`);
    assert.ok(receiver.receive().length <= sent);
  }, { sendBufferBytes: 8000 });
});
