import assert from "node:assert/strict";
import { rootTest } from "../../tests/support/root_test.ts";
import { run } from "../../tests/support/namespace.ts";
import { End, inVethPair, makeFrame, ROOT } from "./_test_end.ts";
import { EAGAIN, EBADF, EINVAL, ETH_P_IP } from "./constants.ts";
import { mapAnonymous, type Mapping } from "./memory.ts";
import { openOutbox, type Outbox, type OutboxOptions } from "./outbox.ts";
import { SendQueues } from "./send_queues.ts";
import { SendRing } from "./send_ring.ts";

/** Both kinds of outbox keep the same promises. */
const KINDS: readonly (readonly [
  string,
  (memory: Mapping, fds: readonly number[], options?: OutboxOptions) => Outbox,
  { readonly ioUring?: boolean },
])[] = [
  ["SendQueues", (...args) => new SendQueues(...args), {}],
  ["SendRing", (...args) => new SendRing(...args), { ioUring: true }],
];

const FRAME_ROOM = 4096;

/** Queues frames for outputs 0, 1, … and sends them: how many went. */
function send(outbox: Outbox, memory: Mapping, frames: readonly (readonly [number, Uint8Array])[]) {
  frames.forEach(([output, frame], i) => {
    new Uint8Array(memory.buffer).set(frame, i * FRAME_ROOM);
    outbox.push(output, i * FRAME_ROOM, frame.length);
  });
  return outbox.flush();
}

for (const [name, open, needs] of KINDS) {
  const NEEDS = { ...ROOT, ...needs };

  rootTest(
    `${name}: flush() skips what the kernel refuses, counts it, and sends the rest`,
    NEEDS,
    async () => {
      await inVethPair((sender, receiver) => {
        using memory = mapAnonymous(64 * FRAME_ROOM);
        using outbox = open(memory, [sender.socket.fd.number]);
        const fine = (mark: number) => makeFrame(60, { type: ETH_P_IP, mark });
        const tooLong = makeFrame(3000, { type: ETH_P_IP });
        const tooShort = new Uint8Array(5);
        const frames = [tooLong, fine(1), tooShort, fine(2)];
        assert.equal(send(outbox, memory, frames.map((frame) => [0, frame])), 2);
        assert.deepEqual([outbox.failed, outbox.lastErrno, outbox.length], [2, EINVAL, 0]);
        assert.deepEqual(receiver.receive(), [fine(1), fine(2)]);
      });
    },
  );

  rootTest(
    `${name}: messages go by the sockets that they are for, in order, round after round`,
    NEEDS,
    async () => {
      await inVethPair((sender, receiver) => {
        using memory = mapAnonymous(8 * FRAME_ROOM);
        // The second socket sends by the other end of the pair.
        const fds = [sender.socket.fd.number, receiver.socket.fd.number];
        using outbox = open(memory, fds, { capacity: 8 });
        using back = new End({ ...sender.options, protocol: ETH_P_IP });
        const frame = (mark: number) => makeFrame(60, { type: ETH_P_IP, mark });
        // More than once around any ring of 8.
        for (let round = 0; round < 10; round++) {
          const marks = [0, 1, 2, 3, 4].map((i) => 5 * round + i);
          assert.equal(send(outbox, memory, marks.map((mark) => [mark % 2, frame(mark)])), 5);
          const even = marks.filter((mark) => mark % 2 === 0);
          const odd = marks.filter((mark) => mark % 2 === 1);
          assert.deepEqual(receiver.receive(), even.map(frame));
          assert.deepEqual(back.receive(), odd.map(frame));
        }
        assert.equal(outbox.failed, 0);
      });
    },
  );

  rootTest(`${name}: a socket that was closed fails its own messages alone`, NEEDS, async () => {
    await inVethPair((sender, receiver) => {
      using memory = mapAnonymous(8 * FRAME_ROOM);
      const gone = new End(sender.options);
      using outbox = open(memory, [gone.socket.fd.number, sender.socket.fd.number]);
      gone[Symbol.dispose]();
      const frame = makeFrame(60, { type: ETH_P_IP });
      const sent = send(outbox, memory, [[0, frame], [1, frame]]);
      assert.equal(sent, 1);
      assert.equal(receiver.receive().length, 1);
      assert.deepEqual([outbox.failed, outbox.lastErrno], [1, EBADF]);
    });
  });

  const TC = { ...NEEDS, tools: ["tc"] };

  rootTest(
    `${name}: flush() waits for a full send buffer, then counts the rest as failed`,
    TC,
    async () => {
      // A queueing discipline that lets next to nothing through keeps what was sent in the buffer.
      await inVethPair(async (sender, receiver) => {
        await run("tc qdisc add dev va root tbf rate 8kbit burst 1600 limit 1000000");
        using memory = mapAnonymous(64 * FRAME_ROOM);
        using outbox = open(memory, [sender.socket.fd.number]);
        const frame = makeFrame(1000, { type: ETH_P_IP });
        const before = performance.now();
        const sent = send(outbox, memory, Array.from({ length: 30 }, () => [0, frame]));
        const tookMs = performance.now() - before;
        assert.ok(sent > 0 && sent < 30, `${sent} were sent`);
        assert.deepEqual([outbox.failed, outbox.lastErrno, outbox.length], [30 - sent, EAGAIN, 0]);
        assert.ok(tookMs >= 10 && tookMs < 500, `it took ${tookMs} ms`);
        assert.ok(receiver.receive().length <= sent);
      }, { sendBufferBytes: 8000 });
    },
  );

  rootTest(`${name}: a send buffer that empties in time loses nothing`, TC, async () => {
    await inVethPair(async (sender, receiver) => {
      await run("tc qdisc add dev va root tbf rate 8mbit burst 1600 limit 1000000");
      using memory = mapAnonymous(64 * FRAME_ROOM);
      using outbox = open(memory, [sender.socket.fd.number], { waitMs: 200 });
      const marks = Array.from({ length: 30 }, (_, i) => i);
      const frame = (mark: number) => makeFrame(1000, { type: ETH_P_IP, mark });
      assert.equal(send(outbox, memory, marks.map((mark) => [0, frame(mark)])), 30);
      assert.equal(outbox.failed, 0);
      await run("sleep 0.2");
      const received = receiver.receive().map((bytes) => bytes[14]!);
      assert.deepEqual(received.toSorted((a, b) => a - b), marks);
    }, { sendBufferBytes: 8000 });
  });

  rootTest(
    `${name} refuses a message that is not inside its memory, and one too many`,
    needs,
    () => {
      using memory = mapAnonymous(4096);
      using outbox = open(memory, [0], { capacity: 2 });
      assert.throws(() => outbox.push(0, 4090, 7), RangeError);
      assert.throws(() => outbox.push(0, -1, 7), RangeError);
      outbox.push(0, 4090, 6);
      assert.deepEqual([outbox.length, outbox.full], [1, false]);
      outbox.push(0, 0, 1);
      assert.deepEqual([outbox.length, outbox.full], [2, true]);
      assert.throws(() => outbox.push(0, 0, 1), RangeError);
    },
  );
}

rootTest("openOutbox() takes a ring where it can be had, else queues", { ioUring: true }, () => {
  using memory = mapAnonymous(4096);
  using ring = openOutbox(memory, [0]);
  assert.ok(ring instanceof SendRing);
  // The kernel refuses a ring of so many entries.
  using queues = openOutbox(memory, [0], { capacity: 40_000 });
  assert.ok(queues instanceof SendQueues);
});
