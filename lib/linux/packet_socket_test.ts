import assert from "node:assert/strict";
import { rootTest } from "../../tests/support/root_test.ts";
import { End, ETHERNET_BYTES, inVethPair, makeFrame, makeSuperPacket, ROOT } from "./_test_end.ts";
import { inNamespace, makeVethPair } from "../../tests/support/namespace.ts";
import { ETH_P_IP, ETH_P_IPV6, PACKET_OTHERHOST } from "./constants.ts";
import {
  BPF_A,
  BPF_ABS,
  BPF_B,
  BPF_JEQ,
  BPF_JMP,
  BPF_K,
  BPF_LD,
  BPF_RET,
  type BpfInstruction,
  jump,
  stmt,
} from "./sockets_filter.ts";

rootTest("a super-packet passes in one piece with its virtio_net header", ROOT, async () => {
  await inVethPair((sender, receiver) => {
    const frame = makeSuperPacket(60_000);
    assert.equal(sender.send([frame]), 1);
    const [received] = receiver.receive();
    assert.deepEqual(received, frame);
  }, { vnetHeader: true });
});

rootTest("a socket of protocol 0 sends every type of frame and receives none", ROOT, async () => {
  await inVethPair((sender, receiver) => {
    const frame = makeFrame(60, { type: ETH_P_IPV6 });
    assert.equal(sender.send([makeFrame(60, { type: ETH_P_IP }), frame]), 2);
    assert.deepEqual(receiver.receive(), [frame]);
    assert.equal(receiver.send([frame]), 1);
    assert.deepEqual(sender.receive(), []);
  }, { protocol: ETH_P_IPV6 });
});

rootTest("statistics() counts what found no room in the receive buffer", ROOT, async () => {
  await inVethPair((sender, receiver) => {
    const frame = makeFrame(1000, { type: ETH_P_IP });
    for (let i = 0; i < 10; i++) assert.equal(sender.send(Array(20).fill(frame)), 20);
    const taken = [receiver.receive(), receiver.receive(), receiver.receive()].flat().length;
    const { packets, drops } = receiver.socket.statistics();
    assert.equal(packets, 200);
    assert.equal(taken + drops, 200);
    assert.ok(drops > 0);
  }, { receiveBufferBytes: 20_000 });
});

rootTest("the members of a fanout group share packets as the program says", ROOT, async () => {
  await inNamespace(async () => {
    const [a, b] = await makeVethPair("va", "vb");
    using sender = new End({ interfaceIndex: a, protocol: 0, vnetHeader: false });
    // A fanout program reads from the network header on: byte 0 is the frame's byte 14.
    const program = [stmt(BPF_LD | BPF_B | BPF_ABS, 0), stmt(BPF_RET | BPF_A, 0)];
    const fanout = { group: 77, mode: "program", program } as const;
    const member = { interfaceIndex: b, protocol: ETH_P_IP, vnetHeader: false, fanout };
    using even = new End(member);
    using odd = new End(member);
    sender.send([1, 2, 3, 4, 5].map((mark) => makeFrame(60, { type: ETH_P_IP, mark })));
    assert.deepEqual(even.receive().map((frame) => frame[ETHERNET_BYTES]), [2, 4]);
    assert.deepEqual(odd.receive().map((frame) => frame[ETHERNET_BYTES]), [1, 3, 5]);
  });
});

/** A program that takes the frames whose first byte after the Ethernet header is `mark`. */
function onlyMark(mark: number): BpfInstruction[] {
  return [
    stmt(BPF_LD | BPF_B | BPF_ABS, ETHERNET_BYTES),
    jump(BPF_JMP | BPF_JEQ | BPF_K, mark, { jt: 0, jf: 1 }),
    stmt(BPF_RET | BPF_K, 0xffff_ffff),
    stmt(BPF_RET | BPF_K, 0),
  ];
}

rootTest(
  "a frame sent on one end of a veth pair arrives unchanged at the other",
  ROOT,
  async () => {
    await inVethPair((sender, receiver) => {
      const frame = makeFrame(100, { type: ETH_P_IP, mark: 7 });
      assert.equal(sender.send([frame, makeFrame(1514, { type: ETH_P_IP, mark: 8 })]), 2);
      const received = receiver.receive();
      assert.deepEqual(received.map((bytes) => bytes.length), [100, 1514]);
      assert.deepEqual(received[0], frame);
      assert.equal(receiver.batch.packetType(0), PACKET_OTHERHOST);
      assert.equal(receiver.batch.truncated(0), false);
      assert.deepEqual(receiver.receive(), []);
    });
  },
);

rootTest(
  "a filter decides what a socket takes, and statistics() counts that alone",
  ROOT,
  async () => {
    await inVethPair((sender, receiver) => {
      const frames = [1, 2, 3].map((mark) => makeFrame(60, { type: ETH_P_IP, mark }));
      sender.send(frames);
      assert.deepEqual(receiver.receive(), [frames[1]]);
      receiver.socket.setFilter(onlyMark(3));
      sender.send(frames);
      assert.deepEqual(receiver.receive(), [frames[2]]);
      assert.deepEqual(receiver.socket.statistics(), { packets: 2, drops: 0 });
      receiver.socket.setFilter(null);
      sender.send(frames);
      assert.deepEqual(receiver.receive(), frames);
      assert.deepEqual(receiver.socket.statistics(), { packets: 5, drops: 0 });
    }, { filter: onlyMark(2) });
  },
);
