/**
 * C7: the server reads the header's current destination, the NAT endpoint, and writes the client's
 * endpoint that belongs to it: destination `nat:port` becomes `client:port`, source `server:port`
 * becomes `vip:port`, checksums are right, nothing else changes.
 *
 * ```text
 *   nginx ── bypath0 ── agent ── eth0 ──┬── eth2 router       translated by the agent
 *             before                      │
 *                                         └── eth1 nat eth0 ── eth1 router       by the NAT machine
 * ```
 */
import assert from "node:assert/strict";
import type { InspectedSession } from "../../lab/inspect_json.ts";
import { WaitError, waitFor } from "../../lab/wait.ts";
import { rootTest } from "../support/root_test.ts";
import { type ClaimLab, datagramService, NEEDS, sharedLab } from "./support/claim_lab.ts";
import { dontFragment, type Ends, identificationOf, translate } from "./support/ip_packet.ts";
import { tcpPackets, udpPackets } from "./support/packet_kinds.ts";
import { sendOut, Tap, type TappedPacket, tunOf } from "./support/wire.ts";

const MIB = 1024 * 1024;
const START = { immediately: true } as const;

const lab = sharedLab({
  services: [
    { name: "web", port: 80, servers: ["s1"], start: START },
    { name: "never", port: 81, servers: ["s1"], start: { never: true } },
    datagramService(START),
  ],
  agents: ["s1"],
});

for (
  const { way, port, device, hops } of [
    { way: "agent", port: 80, device: "eth2", hops: 0 },
    { way: "NAT machine", port: 81, device: "eth1", hops: 1 },
  ] as const
) {
  rootTest(`C7: nginx's packets keep every other bit, by the ${way}`, NEEDS, async () => {
    const claim = await lab();
    await using wire = await Wire.open(claim, device);
    await using curl = claim.curl({ port });
    await curl.readTo(MIB);
    const session = await claim.takes(hops === 0 ? "bypass" : "nat", curl.client);
    await curl.readMore(2 * MIB);
    const packets = await wire.compare(session, { hops, least: 20 });
    // The kernel leaves cutting and checksums to the device: super-packets with partial checksums.
    assert.ok(packets.some(({ partial, segmentBytes }) => partial && segmentBytes > 0));
  });
}

rootTest("C7: a server's datagrams keep every other bit", { tools: ["nft"] }, async () => {
  const claim = await lab();
  await using wire = await Wire.open(claim, "eth2");
  await using udp = claim.datagrams();
  await udp.more(1);
  const session = await claim.takes("bypass", udp.client);
  await udp.more(500);
  await wire.compare(session, { hops: 0, least: 500 });
});

rootTest(
  "C7: datagrams that a server hands over together keep every other bit, and count each",
  { tools: ["nft"], linux: "6.2" },
  async () => {
    const claim = await lab();
    await using wire = await Wire.open(claim, "eth2");
    await using udp = claim.datagrams();
    await udp.more(1);
    const session = await claim.takes("bypass", udp.client);
    await udp.more(500, { together: 25 });
    const packets = await wire.compare(session, { hops: 0, least: 20 });
    // The first datagram came alone, by whichever way was open to it.
    const together = packets.filter(({ segmentBytes }) => segmentBytes > 0);
    assert.deepEqual(together.map(({ segmentBytes }) => segmentBytes), Array(20).fill(972));
    await waitFor("the report of all of them", async () => {
      const { viaNat, viaBypass } = (await claim.session(udp.client)).packets;
      return viaNat + viaBypass === 501 && viaBypass >= 500;
    });
  },
);

rootTest(
  "C7: TCP packets of all kinds keep every other bit, by agent and by NAT",
  NEEDS,
  async () => {
    const claim = await lab();
    await using curl = claim.curl();
    await curl.readTo(MIB);
    const session = await claim.takes("bypass", curl.client);
    await judge(claim, session, tcpPackets);
  },
);

rootTest("C7: UDP packets of all kinds keep every other bit, by agent and by NAT", {
  tools: ["nft"],
}, async () => {
  const claim = await lab();
  await using udp = claim.datagrams();
  await udp.more(1);
  const session = await claim.takes("bypass", udp.client);
  await judge(claim, session, udpPackets);
});

/**
 * Sends packets as the server's kernel would, once with an instruction for their session and once
 * without, and compares what comes to the router by the two ways.
 */
async function judge(
  claim: ClaimLab,
  session: InspectedSession,
  kinds: (from: Ends, to: Ends) => readonly Uint8Array[],
): Promise<void> {
  const { lab: network } = claim.bypath;
  const tun = { node: "s1", device: await tunOf(network, "s1") } as const;
  await using direct = await Tap.open(network, { node: "router", device: "eth2" });
  await using intoNat = await Tap.open(network, { node: "nat", device: "eth1" });
  await using viaNat = await Tap.open(network, { node: "router", device: "eth1" });
  const { from, to } = endsBeforeAndAfter(session);
  const packets = kinds(from, to);

  await sendOut(network, tun, packets);
  await allPass("directly", direct, { packets, ends: to });
  const unchanged = packets.map((packet) => packet.toHex());
  assert.deepEqual(intoNat.packets(from).filter(({ hex }) => unchanged.includes(hex)), []);

  await claim.bypath.bypass("stop", "--session", session.id);
  await sendOut(network, tun, packets);
  // Without an instruction they leave the server as they are.
  await allPass("to the NAT machine", intoNat, { packets, ends: from });
  await allPass("by way of the NAT machine", viaNat, { packets, ends: to, byNat: true });
}

interface Passing {
  readonly packets: readonly Uint8Array[];
  readonly ends: Ends;
  /** The NAT machine is a router, and numbers what may be fragmented itself (RFC 6864, 5.3.1). */
  readonly byNat?: boolean;
}

/** Waits until every packet has passed, with these ends; else fails with what passed instead. */
async function allPass(
  way: string,
  tap: Tap,
  { packets, ends, byNat = false }: Passing,
): Promise<void> {
  const hops = byNat ? 1 : 0;
  const missing = () => {
    const passed = new Set(tap.packets(ends).map(({ hex }) => hex));
    const numbers = [...passed].map((hex) => identificationOf(Uint8Array.fromHex(hex)));
    return packets.filter((packet) => {
      const allowed = byNat && !dontFragment(packet) ? numbers : [identificationOf(packet)];
      return !allowed.some((identification) =>
        passed.has(translate(packet, ends, { hops, identification }).toHex())
      );
    });
  };
  await waitFor("the packets", () => missing().length === 0).catch((error) => {
    if (!(error instanceof WaitError)) throw error;
    const wanted = missing().map((packet) => translate(packet, ends, { hops }).toHex());
    const passed = tap.packets(ends).map(({ hex }) => hex);
    assert.fail(`Not passed ${way}:\n${shortened(wanted)}\nInstead:\n${shortened(passed)}`);
  });
}

/** The headers, whatever options they have, and the first bytes of the payload. */
function shortened(packets: readonly string[]): string {
  return packets.map((hex) => `${hex.slice(0, 180)} (${hex.length / 2} bytes)`).join("\n");
}

/** The wire between nginx and the agent, and where its packets come to the router. */
class Wire implements AsyncDisposable {
  readonly #before: Tap;
  readonly #after: Tap;

  private constructor(before: Tap, after: Tap) {
    this.#before = before;
    this.#after = after;
  }

  static async open({ bypath: { lab } }: ClaimLab, routerDevice: string): Promise<Wire> {
    const device = await tunOf(lab, "s1");
    const after = await Tap.open(lab, { node: "router", device: routerDevice });
    return new Wire(await Tap.open(lab, { node: "s1", device, direction: "out" }), after);
  }

  /**
   * Waits until the packets of a session that came to the router are, byte by byte and in the same
   * order, the ones that the server sent, translated; the first ones may have gone another way.
   * @param options what is taken from the TTL, and how many packets have to come at least
   * @returns the packets that came
   */
  async compare(
    session: InspectedSession,
    { hops, least }: { readonly hops: number; readonly least: number },
  ): Promise<TappedPacket[]> {
    const { from, to } = endsBeforeAndAfter(session);
    const look = () => {
      const after = this.#after.packets(to);
      const wanted = this.#before.packets(from).map((packet) => translated(packet, to, hops));
      const first = wanted.findIndex((packet) => packet.hex === after[0]?.hex);
      return { after, wanted: wanted.slice(Math.max(0, first)) };
    };
    // One look is judged: after it the server goes on, and the taps tell of that one after the other.
    let seen = look();
    await waitFor("the packets to come", () => {
      seen = look();
      const { after, wanted } = seen;
      return after.length >= least && JSON.stringify(after) === JSON.stringify(wanted);
    }).catch((error) => {
      if (!(error instanceof WaitError)) throw error;
    });
    const { after, wanted } = seen;
    for (const [i, packet] of wanted.entries()) assert.deepEqual(after[i], packet);
    assert.equal(after.length, wanted.length);
    assert.ok(after.length >= least, `${after.length} packets`);
    // The judge can be trusted: by its arithmetic the kernel's own packets are right.
    for (const packet of this.#before.packets(from)) {
      assert.deepEqual(translated(packet, from), packet);
    }
    return after;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#before[Symbol.asyncDispose]();
    await this.#after[Symbol.asyncDispose]();
  }
}

function translated(packet: TappedPacket, to: Ends, hops = 0): TappedPacket {
  const { hex, partial } = packet;
  return { ...packet, hex: translate(Uint8Array.fromHex(hex), to, { partial, hops }).toHex() };
}

function endsBeforeAndAfter({ server, nat, vip, client }: InspectedSession) {
  return {
    from: { source: server, destination: nat },
    to: { source: vip, destination: client },
  };
}
