import assert from "node:assert/strict";
import { rootTest } from "../../tests/support/root_test.ts";
import { inVethPair, makeFrame, makeSuperPacket, ROOT } from "./_test_end.ts";
import { run } from "../../tests/support/namespace.ts";
import { ENETDOWN, ETH_P_IP } from "./constants.ts";
import { mapAnonymous } from "./memory.ts";
import { BATCH_BYTES, MessageBatch } from "./message_batch.ts";

rootTest("a packet longer than its slot is marked as truncated", ROOT, async () => {
  await inVethPair((sender, receiver) => {
    sender.send([makeFrame(300, { type: ETH_P_IP }), makeFrame(60, { type: ETH_P_IP })]);
    using batch = new MessageBatch({ slots: 4, slotBytes: 200, headerBytes: 16 });
    assert.equal(batch.receive(receiver.socket.fd.number), 2);
    assert.deepEqual([batch.truncated(0), batch.truncated(1)], [true, false]);
    assert.deepEqual([batch.receivedBytes(0), batch.receivedBytes(1)], [200 - 16, 60]);
    const start = batch.slotOffset(1);
    assert.deepEqual(new Uint8Array(batch.buffer, start, 16), new Uint8Array(16));
    assert.equal(new Uint8Array(batch.buffer, start, 30)[16 + 12], ETH_P_IP >> 8);
  });
});

rootTest(
  "after super-packets a call takes fewer, after small packets as many as it can",
  ROOT,
  async () => {
    await inVethPair((sender, receiver) => {
      const { batch } = receiver;
      const take = () => [receiver.receive().length, batch.more];
      const large = Array(6).fill(makeSuperPacket(60_000));
      assert.equal(sender.send(large), 6);
      assert.deepEqual(take(), [6, false]);
      assert.equal(sender.send([...large, ...Array(40).fill(makeSuperPacket(1))]), 46);
      const fewer = Math.floor(BATCH_BYTES / large[0]!.length);
      assert.deepEqual(take(), [fewer, true]);
      assert.deepEqual(take(), [fewer, true]);
      const then = [receiver.receive().length, receiver.receive().length] as const;
      assert.equal(then[0] + then[1], 46 - 2 * fewer);
      assert.ok(then[0] > fewer);
      assert.equal(batch.more, false);
    }, { vnetHeader: true, receiveBufferBytes: 4 << 20 });
  },
);

rootTest("a batch can begin with few, and takes more as more have come", ROOT, async () => {
  await inVethPair((sender, receiver) => {
    using batch = new MessageBatch({ slots: 4, slotBytes: 200, first: 2 });
    const frame = makeFrame(60, { type: ETH_P_IP });
    assert.equal(sender.send(Array(50).fill(frame)), 50);
    const taken: number[] = [];
    do taken.push(batch.receive(receiver.socket.fd.number)); while (batch.more);
    assert.deepEqual(taken, [...Array(8).fill(2), ...Array(6).fill(3), ...Array(4).fill(4), 0]);
  });
});

Deno.test("two batches can share one mapping", () => {
  using memory = mapAnonymous(4 * 1000);
  using first = new MessageBatch({ slots: 2, slotBytes: 1000, memory });
  using second = new MessageBatch({ slots: 2, slotBytes: 997, memory, memoryOffset: 2000 });
  assert.equal(first.buffer, second.buffer);
  assert.deepEqual([first.slotOffset(1), second.slotOffset(0), second.slotOffset(1)], [
    1000,
    2000,
    3000,
  ]);
  assert.throws(() => new MessageBatch({ slots: 3, slotBytes: 1000, memory, memoryOffset: 2000 }), {
    name: "RangeError",
  });
});

rootTest(
  "receive() tells once that the interface went down, and goes on when up",
  ROOT,
  async () => {
    await inVethPair(async (sender, receiver) => {
      const fd = receiver.socket.fd.number;
      await run("ip link set vb down");
      assert.equal(receiver.batch.receive(fd), -ENETDOWN);
      assert.equal(receiver.batch.receive(fd), 0);
      await run("ip link set vb up");
      const frame = makeFrame(60, { type: ETH_P_IP });
      // The kernel lets frames through a moment after `ip` has returned.
      let received: Uint8Array[] = [];
      for (let i = 0; i < 1000 && received.length === 0; i++) {
        assert.equal(sender.send([frame]), 1);
        received = receiver.receive();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      assert.deepEqual(received, [frame]);
    });
  },
);
