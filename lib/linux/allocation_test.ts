/** The calls of the packet path must leave nothing for the garbage collector. */
import assert from "node:assert/strict";
import { rootTest } from "../../tests/support/root_test.ts";
import { inVethPair, makeFrame, ROOT } from "./_test_end.ts";
import { disableIpv6, inNamespace, run } from "../../tests/support/namespace.ts";
import { ETH_P_IP, POLLIN } from "./constants.ts";
import { openEventFd } from "./event_fd.ts";
import { mapAnonymous } from "./memory.ts";
import { Poller } from "./poll.ts";
import { SendRing } from "./send_ring.ts";
import { openTun, TunBatch } from "./tun.ts";

const CALLS = 4000;
/** A float or a small object would be 12 bytes and more; the measurement itself takes some too. */
const ALLOWED_BYTES_PER_CALL = 4;

rootTest("sending, polling and receiving allocate nothing", ROOT, async () => {
  await inVethPair((sender, receiver) => {
    using poller = new Poller();
    poller.add(receiver.socket.fd.number, POLLIN);
    const frame = makeFrame(60, { type: ETH_P_IP });
    sender.send([frame]);
    const { batch, socket } = receiver;
    let bytes = 0;
    checkHeap(() => {
      sender.queue.push(0, frame.length);
      sender.queue.push(0, frame.length);
      sender.queue.flush(sender.socket.fd.number);
      if (poller.wait(0) === 0 || poller.ready(0) !== POLLIN) return;
      const count = batch.receive(socket.fd.number);
      for (let i = 0; i < count; i++) {
        bytes += batch.receivedBytes(i) + batch.packetType(i) + (batch.truncated(i) ? 1 : 0);
      }
      batch.receive(socket.fd.number);
    });
    assert.ok(bytes > CALLS * 2 * 60);
  });
});

rootTest("sending by io_uring allocates nothing", { ...ROOT, ioUring: true }, async () => {
  await inVethPair((sender) => {
    using memory = mapAnonymous(4096);
    const frame = makeFrame(60, { type: ETH_P_IP });
    new Uint8Array(memory.buffer).set(frame);
    using ring = new SendRing(memory, [sender.socket.fd.number]);
    let sent = 0;
    checkHeap(() => {
      ring.push(0, 0, frame.length);
      // Refused, as it is too short: what failed is looked at.
      ring.push(0, 0, 5);
      sent += ring.flush();
    });
    assert.ok(sent >= CALLS && ring.failed === sent, `${sent} were sent, ${ring.failed} failed`);
  });
});

rootTest("reading and writing a tun device allocate nothing", ROOT, async () => {
  await inNamespace(async () => {
    disableIpv6();
    using tun = openTun({ name: "bypath%d", vnetHeader: true, offload: true });
    using batch = new TunBatch({ slots: 4 });
    await run(`ip link set ${tun.name} up`);
    await run(`ip addr add 10.9.0.1/24 dev ${tun.name}`);
    Deno.writeTextFileSync("/proc/sys/net/ipv4/ip_forward", "1");
    // A packet that the kernel routes back into the device: what is written can be read again.
    new Uint8Array(batch.buffer, batch.slotOffset(0) + 24).set([
      ...[0x45, 0, 0, 20, 0, 0, 0, 0, 64, 253, 0x65, 0xd7],
      ...[10, 9, 0, 2, 10, 9, 0, 3],
    ]);
    const packet = new Uint8Array(batch.buffer, batch.slotOffset(0), 44);
    const original = packet.slice();
    let read = 0;
    checkHeap(() => {
      packet.set(original);
      assert.equal(batch.write(tun.fd.number, 0, 20), 20);
      read += batch.receive(tun.fd.number);
    });
    assert.ok(read >= CALLS, `${read} packets were read`);
  });
});

Deno.test("an eventfd allocates nothing", () => {
  using event = openEventFd();
  checkHeap(() => {
    event.signal();
    event.drain();
  });
});

/** Calls `fn` until it is compiled, then looks how the heap grows; a collection only helps. */
function checkHeap(fn: () => void): void {
  let least = Infinity;
  // On a busy machine it takes a while until the code is compiled; what allocates does so for ever.
  for (let round = 0; round < 60 && !(least <= ALLOWED_BYTES_PER_CALL); round++) {
    const before = Deno.memoryUsage().heapUsed;
    for (let i = 0; i < CALLS; i++) fn();
    const grown = Deno.memoryUsage().heapUsed - before;
    if (grown >= 0) least = Math.min(least, grown / CALLS);
  }
  assert.ok(least <= ALLOWED_BYTES_PER_CALL, `${least} bytes a call`);
}
