import { BypathLab } from "../../../lab/bypath_lab.ts";
import type { InspectedInstruction } from "../../../lab/inspect_json.ts";
import type { NodeName } from "../../../lab/topology.ts";
import { waitFor } from "../../../lab/wait.ts";
import { issueKeys } from "../../../lib/control/keys.ts";
import { mapFile, type Mapping } from "../../../lib/linux/memory.ts";
import { SessionRecords } from "../../../lib/session/session_records.ts";
import { SessionViewer, usedSlots } from "../../../lib/session/session_view.ts";
import type { Family, SetupName, TimeoutName } from "./case.ts";
import { addressOf, bytesOf, endText, textOf } from "./names.ts";
import type { CollectedFrame, SentFrame } from "./probe.ts";
import { ProbeClient } from "./probe_client.ts";
import { buildPacket, type End, look, TCP, UDP } from "./reference.ts";
import { LAB_TIMEOUTS, labYaml } from "./setup.ts";
import {
  type BoundSession,
  type Counted,
  countedBetween,
  type Injection,
  type Output,
  type Result,
  type SessionRef,
  type Side,
  type World,
} from "./world.ts";

/** A client of the lab's own datagrams, and its port. */
const FENCE_CLIENT = "198.51.120.1";
const FENCE_PORT = 7777;
const FENCE_SERVICE_PORT = 7;
const CONTROL_PORT = 7400;
const NO_CONTEXT = { nowMs: 0, serviceName: (vip: string) => vip, leaseMs: () => 0 };

/**
 * The NAT machine and the agent on s1 as daemons. Packets are put onto the wire and into the agent's device by
 * AF_PACKET; kernels of clients and servers take no part.
 *
 * ```text
 *   router eth1 ---- nat eth0, nat eth1 ----+---- s1 eth0, agent, bypath0
 *   router eth2 ----------------------------+---- s2 eth0
 * ```
 *
 * After each packet datagrams of the lab's own go the same way: the engine handles packets in their order, so
 * when the second one has come through, everything that the packet causes has left.
 */
export class LabWorld implements World, AsyncDisposable {
  readonly kind = "lab";
  readonly #lab: BypathLab;
  readonly #probes: Probes;
  readonly #macs: Readonly<Record<string, string>>;
  readonly #table: Mapping;
  readonly #tun: string;
  #counted: Counted;
  /** When the last packet was put onto the wire, and until when what is true "just before" a timer is. */
  #sentMs = performance.now();
  #untilMs = Infinity;
  #fences = 0;
  #fenceEndpoint: { readonly nat: End; readonly server: End; readonly atMs: number } | null = null;

  private constructor(parts: {
    lab: BypathLab;
    probes: Probes;
    macs: Readonly<Record<string, string>>;
    table: Mapping;
    tun: string;
    counted: Counted;
  }) {
    this.#lab = parts.lab;
    this.#probes = parts.probes;
    this.#macs = parts.macs;
    this.#table = parts.table;
    this.#tun = parts.tun;
    this.#counted = parts.counted;
  }

  static async up(setup: SetupName, families: readonly Family[]): Promise<LabWorld> {
    const lab = await BypathLab.up();
    try {
      await muteHosts(lab);
      await issueForBothFamilies(lab);
      await lab.startNat((config) => Object.assign(config, labYaml(setup, { families })));
      await lab.startAgent("s1");
      const status = await lab.ask<{ device: string }>("status", "s1");
      const macs = await macsOf(lab);
      await introduce(lab, macs, families);
      const [router, s1, s2] = await Promise.all([
        ProbeClient.start(lab.lab, "router", ["eth1", "eth2"]),
        ProbeClient.start(lab.lab, "s1", ["eth0"]),
        ProbeClient.start(lab.lab, "s2", ["eth0"]),
      ]);
      const { state } = await lab.ask<{ state: string }>("sessions");
      return new LabWorld({
        lab,
        probes: { router, s1, s2 },
        macs,
        table: mapFile(state, { writable: false }),
        tun: status.device,
        counted: await counted(lab),
      });
    } catch (error) {
      await lab.down();
      throw error;
    }
  }

  async send(injection: Injection): Promise<Result> {
    const { side, toAgent } = injection;
    const probe = this.#probes[NODE_OF[side]];
    const fromClient = side === "client";
    const before = this.#counted;
    this.#sentMs = performance.now();
    const collected: { node: string; frames: CollectedFrame[] }[] = [];
    if (!fromClient) await this.#learnFence();
    const fence = fromClient ? this.#clientFence() : this.#serverFence(side, toAgent);
    await probe.send([this.#frame(injection), fence.frame]);
    collected.push(await this.#passed(fence, fromClient));
    const again = fromClient ? this.#clientFence() : this.#serverFence(side, toAgent);
    await probe.send([again.frame]);
    collected.push(await this.#passed(again, fromClient));
    for (const node of ["router", "s1", "s2"] as const) {
      collected.push({ node, frames: await this.#probes[node].collect() });
    }
    const out = collected.flatMap(({ node, frames }) =>
      frames.filter((frame) => this.#counts(node, frame)).map((frame) => outputOf(node, frame))
    );
    this.#counted = await this.#settled();
    return { out, counted: this.#withoutFences(countedBetween(before, this.#counted), toAgent) };
  }

  async bypass(session: Parameters<World["bypass"]>[0]): Promise<void> {
    const [nat, server] = [endText(session.nat), endText(session.server)];
    await waitFor(
      `the instruction for ${server} to ${nat}`,
      async () =>
        (await this.#lab.ask<InspectedInstruction[]>("instructions", "s1")).some((
          { match, protocol },
        ) => match.source === server && match.destination === nat && protocol === session.protocol),
      { timeoutMs: 5_000, everyMs: 5 },
    ).catch(async (error) => {
      const events = await this.#lab.ask("events");
      throw new Error(`${error.message}: ${JSON.stringify(events).slice(-2_000)}`);
    });
  }

  async pathMtuHeard(session: BoundSession): Promise<void> {
    const [nat, server] = [endText(session.nat), endText(session.server)];
    await waitFor(
      `the agent to know the path MTU of ${server} to ${nat}`,
      async () =>
        (await this.#lab.ask<InspectedInstruction[]>("instructions", "s1")).every((
          { match, protocol, pathMtu },
        ) =>
          match.source !== server || match.destination !== nat ||
          protocol !== session.protocol || pathMtu !== null
        ),
      { timeoutMs: 5_000, everyMs: 5 },
    );
  }

  session({ protocol, client, vip }: SessionRef): Promise<string> {
    const records = new SessionRecords(this.#table.buffer);
    const viewer = new SessionViewer(records);
    for (const slot of usedSlots(records)) {
      const view = viewer.view(slot, NO_CONTEXT);
      if (view?.protocol !== protocol || view.vip !== endText(vip)) continue;
      if (view.client === endText(client)) return Promise.resolve(view.state);
    }
    return Promise.resolve("none");
  }

  async idle(timeout: TimeoutName, until: "just before" | "just after"): Promise<Counted> {
    const before = this.#counted;
    const ms = LAB_TIMEOUTS[timeout];
    this.#untilMs = until === "just before" ? this.#sentMs + ms : Infinity;
    await new Promise((resolve) => {
      setTimeout(resolve, until === "just before" ? 0.7 * ms : 1.1 * ms + 200);
    });
    this.#counted = await this.#settled();
    return countedBetween(before, this.#counted);
  }

  /** Has a busy host let the timer fire that a case looked "just before"? Then it has shown nothing. */
  get isLate(): boolean {
    return performance.now() > this.#untilMs;
  }

  /** All sessions are looked at together, when all cases are through: {@linkcode end}. */
  leftovers(): Promise<string[]> {
    this.#untilMs = Infinity;
    return Promise.resolve([]);
  }

  /** Waits until nothing is left of any session; what is there after all timers have fired. */
  async end(): Promise<string[]> {
    this.#untilMs = Infinity;
    const left = async () => {
      const records = new SessionRecords(this.#table.buffer);
      const sessions = [...usedSlots(records)].length;
      const nat = await this.#lab.ask<{ instructions: number }>("status");
      const agent = await this.#lab.ask<{ instructions: number }>("status", "s1");
      return [
        ...(sessions === 0 ? [] : [`${sessions} sessions`]),
        ...(nat.instructions === 0 ? [] : [`${nat.instructions} instructions at the NAT machine`]),
        ...(agent.instructions === 0 ? [] : [`${agent.instructions} instructions at the agent`]),
      ];
    };
    const none = async () => (await left()).length === 0;
    await waitFor("the end of all sessions", none, { timeoutMs: 15_000, everyMs: 100 })
      .catch(() => {});
    return await left();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const probe of Object.values(this.#probes)) probe.close();
    this.#table[Symbol.dispose]();
    await this.#lab.down();
  }

  #frame(injection: Injection): SentFrame {
    const { side, toAgent, bytes, partial } = injection;
    const { l4Offset, protocol } = partial ? look(bytes) : { l4Offset: 0, protocol: 0 };
    const field = protocol === TCP ? 16 : 6;
    if (toAgent) {
      const start = partial ? { partial: [l4Offset, field] as const } : {};
      return { device: this.#tun, hex: bytes.toHex(), ...start };
    }
    const header = this.#ethernet(side, injection);
    const start = partial ? { partial: [header.length + l4Offset, field] as const } : {};
    const device = side === "client" ? "eth1" : "eth0";
    return { device, hex: header.toHex() + bytes.toHex(), ...start };
  }

  #ethernet(side: "client" | "S1" | "S2", injection: Partial<Injection>): Uint8Array {
    const { mac = "machine", tag = new Uint8Array(0) } = injection;
    const isV6 = injection.bytes !== undefined && injection.bytes[0]! >>> 4 === 6;
    const etherType = injection.etherType ?? (isV6 ? 0x86dd : 0x0800);
    const to = {
      machine: this.#macs[side === "client" ? "nat eth0" : "nat eth1"]!,
      broadcast: "ffffffffffff",
      multicast: "01005e000001",
      "another machine": "02000000dead",
    }[mac];
    const from = this.#macs[side === "client" ? "router eth1" : `${NODE_OF[side]} eth0`]!;
    return Uint8Array.fromHex(to + from + tag.toHex() + etherType.toString(16).padStart(4, "0"));
  }

  #clientFence(): Fence {
    const payload = (++this.#fences).toString(16).padStart(16, "0") + "fe2ce0";
    const bytes = fencePacket(
      { address: bytesOf(FENCE_CLIENT), port: FENCE_PORT },
      { address: bytesOf(addressOf("VIP", 4)), port: FENCE_SERVICE_PORT },
      payload,
    );
    const header = this.#ethernet("client", { bytes });
    return { payload, frame: { device: "eth1", hex: header.toHex() + bytes.toHex() } };
  }

  #serverFence(side: Side, toAgent: boolean): Fence {
    const { nat, server } = this.#fenceEndpoint!;
    const payload = (++this.#fences).toString(16).padStart(16, "0") + "fe2ce1";
    const bytes = fencePacket(server, nat, payload);
    if (toAgent) return { payload, frame: { device: this.#tun, hex: bytes.toHex() } };
    const header = this.#ethernet(side, { bytes });
    return { payload, frame: { device: "eth0", hex: header.toHex() + bytes.toHex() } };
  }

  /** Makes sure that the fences' own session lives, and knows its NAT endpoint. */
  async #learnFence(): Promise<void> {
    if (this.#fenceEndpoint !== null && performance.now() - this.#fenceEndpoint.atMs < 500) return;
    const fence = this.#clientFence();
    await this.#probes.router.send([fence.frame]);
    await this.#passed(fence, true);
    this.#fencesSent++;
  }

  /** Waits for a fence on the other side. */
  async #passed(fence: Fence, fromClient: boolean) {
    const node = fromClient ? "s1" : "router";
    const frames = await this.#probes[node].collect(fence.payload);
    const own = frames.find(({ hex }) => hex.endsWith(fence.payload));
    if (own === undefined) throw new Error("The lab's own datagram did not come through");
    if (fromClient) {
      const { ends } = look(Uint8Array.fromHex(own.hex));
      const atMs = performance.now();
      this.#fenceEndpoint = { nat: ends.source, server: ends.destination, atMs };
    }
    return { node, frames };
  }

  #fencesSent = 0;

  /** Did this frame come from the NAT machine, or for a client from the agent? */
  #counts(node: string, frame: CollectedFrame): boolean {
    if (isOurOwn(frame)) return false;
    if (frame.device === "eth2") return frame.from === this.#macs["s1 eth0"] && isForClients(frame);
    return frame.from === this.#macs[node === "router" ? "nat eth0" : "nat eth1"];
  }

  /** The counts when they stand still: a packet may have arrived before it is counted. */
  async #settled(): Promise<Counted> {
    let last = await counted(this.#lab);
    for (;;) {
      const next = await counted(this.#lab);
      if (JSON.stringify(next) === JSON.stringify(last)) return next;
      last = next;
    }
  }

  #withoutFences(all: Counted, toAgent: boolean): Counted {
    // By way of the agent a fence is received and forwarded twice.
    const fences = (toAgent ? 4 : 2) + this.#fencesSent;
    this.#fencesSent = 0;
    return { ...all, received: all.received - fences, forwarded: all.forwarded - fences };
  }
}

type Probes = Readonly<Record<"router" | "s1" | "s2", ProbeClient>>;

interface Fence {
  readonly payload: string;
  readonly frame: SentFrame;
}

const NODE_OF = { client: "router", S1: "s1", S2: "s2" } as const;

function fencePacket(source: End, destination: End, payload: string): Uint8Array {
  const ends = { source, destination };
  return buildPacket({ payload }, {
    endsOf: () => ({ ...ends, transport: "udp" }),
    otherSide: () => ends,
  });
}

/** Fences, and what the machines say to each other. */
function isOurOwn({ hex }: CollectedFrame): boolean {
  const { protocol, ends, family } = look(Uint8Array.fromHex(hex));
  const ports = [ends.source.port, ends.destination.port];
  if (protocol === UDP && ports.includes(FENCE_SERVICE_PORT)) return true;
  if (protocol === TCP && ports.includes(CONTROL_PORT)) return true;
  // Neighbour discovery.
  return family === 6 &&
    [ends.source, ends.destination].some(({ address }) =>
      address[0] === 0xff || (address[0] === 0xfe && address[1] === 0x80)
    );
}

/** The programs' own lookups and the like go elsewhere. */
function isForClients({ hex }: CollectedFrame): boolean {
  const address = textOf(look(Uint8Array.fromHex(hex)).ends.destination.address);
  return /^198\.51\.|^192\.0\.2\.|^2001:db8:(ccc|2):/.test(address);
}

function outputOf(node: string, frame: CollectedFrame): Output {
  const side = node === "router" ? "client" : node === "s1" ? "S1" : "S2";
  const by = node === "router" && frame.device === "eth2" ? "agent" : "nat";
  const { partial, segmentBytes } = frame;
  return { side, by, bytes: Uint8Array.fromHex(frame.hex), partial, segmentBytes };
}

interface Status {
  readonly packets: {
    readonly received: number;
    readonly forwarded: number;
    readonly direct?: number;
    readonly viaNat?: number;
    readonly dropped: Readonly<Record<string, number>>;
  };
  readonly malformed?: Readonly<Record<string, number>>;
}

async function counted(lab: BypathLab): Promise<Counted> {
  const nat = await lab.ask<Status>("status");
  const agent = await lab.ask<Status>("status", "s1");
  const dropped: Record<string, number> = {};
  for (const { packets, malformed } of [nat, agent]) {
    // Both may have a badChecksum: of a packet that would have started a session, and of an IPv4 header.
    for (
      const [name, count] of [
        ...Object.entries(packets.dropped),
        ...Object.entries(malformed ?? {}),
      ]
    ) {
      if (name === "malformed" && malformed !== undefined) continue;
      dropped[name] = (dropped[name] ?? 0) + count;
    }
  }
  const drops = Object.values(dropped).reduce((sum, count) => sum + count, 0);
  const received = nat.packets.received + agent.packets.received;
  const forwarded = nat.packets.forwarded + agent.packets.direct! + agent.packets.viaNat!;
  return { received, forwarded, answered: received - forwarded - drops, dropped };
}

/** Hosts whose addresses appear in crafted packets keep out of it; machines of the lab still find each other. */
async function muteHosts({ lab }: BypathLab): Promise<void> {
  const rules = `
    table inet conformance {
      chain in {
        type filter hook prerouting priority -300;
        ip saddr != 10.0.0.1 drop
        ip6 saddr { 2001:db8:1::/64, 2001:db8:f::/64, 2001:db8:ccc::/48, 2001:db8:2::/64 } drop
      }
    }`;
  for (const node of ["s1", "s2"] as const) await lab.mustRun(node, ["nft", "-f", "-"], rules);
  const ip = (node: NodeName, command: string) => lab.mustRun(node, ["ip", ...command.split(" ")]);
  await ip("router", "route add blackhole 198.51.0.0/16");
  // Else the bridge drops malformed packets before the NAT machine sees them.
  const off = "for f in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e $f ] || echo 0 > $f; done";
  await lab.mustRun("switch", ["sh", "-c", off]);
  await ip("router", "-6 route add blackhole 2001:db8:ccc::/48").catch(() => {});
}

/** The agent on s1 speaks for both addresses of its host. */
async function issueForBothFamilies({ folder }: BypathLab): Promise<void> {
  for (const file of ["s1.pem", "s1.key"]) await Deno.remove(`${folder}/${file}`);
  const addresses = [addressOf("S1", 4), addressOf("S1", 6)];
  await issueKeys(folder, { name: "s1", addresses, role: "agent" });
}

/** Nobody has to ask for a link address first, so that no packet waits for one. */
async function introduce(
  { lab }: BypathLab,
  macs: Readonly<Record<string, string>>,
  families: readonly Family[],
): Promise<void> {
  const commands = (node: NodeName, device: string, neighbour: string, name: string) =>
    families.map((family) => {
      const mac = macs[neighbour]!.match(/../g)!.join(":");
      const address = addressOf(name, family);
      const entry = `${address} lladdr ${mac} dev ${device} nud permanent`;
      return lab.mustRun(node, ["ip", "neighbour", "replace", ...entry.split(" ")]);
    });
  await Promise.all([
    ...commands("nat", "eth0", "router eth1", "RT"),
    ...commands("nat", "eth1", "s1 eth0", "S1"),
    ...commands("nat", "eth1", "s2 eth0", "S2"),
    ...commands("nat", "eth1", "router eth2", "G"),
    ...commands("s1", "eth0", "router eth2", "G"),
    ...commands("s1", "eth0", "nat eth1", "INSIDE"),
  ]);
}

async function macsOf({ lab }: BypathLab): Promise<Record<string, string>> {
  const macs: Record<string, string> = {};
  for (const node of ["nat", "router", "s1", "s2"] as const) {
    const links = JSON.parse(await lab.mustRun(node, ["ip", "-j", "link"]));
    for (const { ifname, address } of links as { ifname: string; address?: string }[]) {
      if (address !== undefined) macs[`${node} ${ifname}`] = address.replaceAll(":", "");
    }
  }
  return macs;
}
