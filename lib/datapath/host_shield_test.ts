import assert from "node:assert/strict";
import fc from "fast-check";
import { rootTest } from "../../tests/support/root_test.ts";
import { inNamespace, makeVethPair, run } from "../../tests/support/namespace.ts";
import { ETH_P_ALL } from "../linux/constants.ts";
import { MessageBatch } from "../linux/message_batch.ts";
import { openPacketSocket } from "../linux/packet_socket.ts";
import { IpAddress } from "../wire/address.ts";
import { contains, parsePrefix, type Prefix } from "../wire/prefix.ts";
import { eventually } from "./_test_link.ts";
import { FrameSender } from "./frame_sender.ts";
import { HostShield } from "./host_shield.ts";

const NEEDS = {
  capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN", "CAP_BPF"],
  // tcx
  linux: "6.6",
} as const;
const ICMPV6 = 58;
const UDP = 17;
const BATCH = 60;

rootTest("the host's kernel gets exactly the packets that are not for us", NEEDS, async () => {
  await inNamespace(async () => {
    const [a, b] = await makeVethPair("va", "vb");
    const own = await linkAddressOf("vb");
    const link = { protocol: ETH_P_ALL, vnetHeader: false, ignoreOutgoing: true };
    using sending = openPacketSocket({ ...link, interfaceIndex: a });
    using receiving = openPacketSocket({ ...link, interfaceIndex: b });
    using sender = new FrameSender();
    using batch = new MessageBatch();
    const send = (packets: readonly TestPacket[]) =>
      assert.equal(
        sender.send(sending.fd.number, packets.map((it) => frameOf(it, own))),
        packets.length,
      );
    const first = ["203.0.113.10", "10.0.1.0/24", "2001:db8:f::10"].map(parsePrefix);
    const second = [...first, ...["10.8.0.0/15", "2001:db8:80::/41"].map(parsePrefix)];
    const shield = new HostShield([b], first);
    assert.ok(shield.stands);
    for (const [prefixes, seed] of [[first, 1], [second, 2], [[], 3]] as const) {
      shield.replace(prefixes);
      const packets = fc.sample(packetNear(second), { numRuns: 4 * BATCH - 2, seed });
      // The last ones reach the kernel: by then it has had all others.
      packets.push({ to: IpAddress.parse("192.0.2.1"), protocol: UDP, toAll: false });
      packets.push({ to: IpAddress.parse("2001:db8:ff::1"), protocol: UDP, toAll: false });
      const before = received();
      for (let i = 0; i < packets.length; i += BATCH) {
        send(packets.slice(i, i + BATCH));
        let taken = 0;
        await eventually("the packet socket to have all", () => {
          taken += batch.receive(receiving.fd.number);
          return Promise.resolve(taken === BATCH);
        });
      }
      const isTheHosts = ({ to, protocol, toAll }: TestPacket) =>
        toAll || (to.family === 6 && protocol === ICMPV6) ||
        !prefixes.some((prefix) => contains(prefix, to));
      const expected = (family: number) =>
        packets.filter((packet) => packet.to.family === family && isTheHosts(packet)).length;
      const counts = () => received().map((count, i) => count - before[i]!);
      await eventually("the kernel to have had the last", () => {
        const [v4, v6] = counts();
        return Promise.resolve(v4! >= expected(4) && v6! >= expected(6));
      });
      assert.deepEqual(counts(), [expected(4), expected(6)]);
    }
    const kernelHas = async (address: string) => {
      const before = received();
      send([{ to: IpAddress.parse(address), protocol: UDP, toAll: false }]);
      await eventually("the kernel to have it", () => Promise.resolve(received()[0]! > before[0]!));
    };
    // Too many to be told from the host's own addresses: nothing is kept from it.
    shield.replace(
      Array.from({ length: 3000 }, (_, i) => parsePrefix(`10.${i >> 8}.${i & 255}.1`)),
    );
    assert.ok(!shield.stands);
    await kernelHas("10.0.1.1");
    shield.replace(first);
    assert.ok(shield.stands);
    shield.close();
    assert.ok(!shield.stands);
    await kernelHas("10.0.1.1");
  });
});

rootTest("an interface that is not there leaves a shield that does not stand", NEEDS, () => {
  const shield = new HostShield([0x7ffffff0], []);
  assert.ok(!shield.stands);
  shield.replace([]);
  shield.close();
});

interface TestPacket {
  readonly to: IpAddress;
  readonly protocol: number;
  /** To everybody on the link, since the kernel does not count what is for one other host. */
  readonly toAll: boolean;
}

/** To an address that has some of the bytes of a prefix. */
function packetNear(prefixes: readonly Prefix[]): fc.Arbitrary<TestPacket> {
  const near = fc.constantFrom(...prefixes).chain(({ address }) => {
    const bytes = address.toBytes();
    const noise = fc.uint8Array({ minLength: bytes.length, maxLength: bytes.length });
    const keep = fc.integer({ min: 0, max: bytes.length });
    return fc.tuple(noise, keep).map(([other, kept]) =>
      IpAddress.fromBytes(bytes.map((byte, i) => i < kept ? byte : other[i]!))
    );
  });
  return fc.record({
    to: near,
    protocol: fc.constantFrom(UDP, ICMPV6),
    toAll: fc.boolean(),
  });
}

async function linkAddressOf(name: string): Promise<Uint8Array> {
  const { address } = JSON.parse(await run(`ip -j link show ${name}`))[0];
  return Uint8Array.from((address as string).split(":"), (byte) => parseInt(byte, 16));
}

function frameOf({ to, protocol, toAll }: TestPacket, own: Uint8Array): Uint8Array {
  const frame = new Uint8Array(80).fill(0xff, 0, 6);
  if (!toAll) frame.set(own);
  const isIpv4 = to.family === 4;
  frame.set(isIpv4 ? [0x08, 0x00, 0x45, 0, 0, 66] : [0x86, 0xdd, 0x60, 0, 0, 0, 0, 26], 12);
  frame[isIpv4 ? 23 : 20] = protocol;
  frame.set(to.toBytes(), isIpv4 ? 30 : 38);
  return frame;
}

/** IP packets that the kernel's stack has had in this thread's namespace: proc_net(5). */
function received(): [number, number] {
  const [names = "", values = ""] = Deno.readTextFileSync("/proc/thread-self/net/snmp").split("\n");
  const at = names.split(" ").indexOf("InReceives");
  const text = Deno.readTextFileSync("/proc/thread-self/net/snmp6");
  return [Number(values.split(" ")[at]), Number(/^Ip6InReceives\s+(\d+)$/m.exec(text)?.[1])];
}
