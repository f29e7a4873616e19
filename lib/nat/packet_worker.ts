/**
 * A worker thread of a NAT machine: carries the packets of its sessions, and does nothing else.
 *
 * It blocks its thread in the engine's loop. The main thread reaches it by shared memory; for the
 * rare message it announces one in SIGNAL.posted, the loop ends, the message is handled and the
 * loop begins again.
 */
import { openPacketSocket, PacketSocket } from "../linux/packet_socket.ts";
import { Fd } from "../linux/fd.ts";
import { mapAnonymous, mapHuge, viewAt } from "../linux/memory.ts";
import { setThreadCpu, setThreadName } from "../linux/process.ts";
import { RouteMonitor, RouteNetlink } from "../linux/rtnetlink.ts";
import { ETH_P_ALL } from "../linux/constants.ts";
import { bootTimeMs } from "../linux/clock.ts";
import { CaptureTap, CaptureTaps, type TapOrder } from "../datapath/capture_tap.ts";
import type { PacketHandler, PacketSource } from "../datapath/engine.ts";
import { HostShield } from "../datapath/host_shield.ts";
import { ingressFilter } from "../datapath/ingress_filter.ts";
import { hopInterface, NextHops } from "../datapath/next_hops.ts";
import { BATCH, SLOT_BYTES, SocketSource } from "../datapath/packet_source.ts";
import { Overload } from "../datapath/overload.ts";
import { RawEngine } from "../datapath/raw_engine.ts";
import { PacketThreadEnd, servePackets } from "../datapath/packet_thread_end.ts";
import { secureRandom } from "../datapath/secure_random.ts";
import { COUNTER } from "../session/counters.ts";
import { DROP } from "../session/drop_reason.ts";
import { RateMeter } from "../policy/rate_meter.ts";
import { HEADER, U16, U8 } from "../session/layout.ts";
import { Journal, JOURNAL_CLOSED, JOURNAL_OPENED } from "../session/journal.ts";
import { AffinityTable } from "../session/affinity_table.ts";
import { ServiceTraffic, trafficKey } from "../session/service_traffic.ts";
import { SessionTable } from "../session/session_table.ts";
import { STATE } from "../session/tcp_state.ts";
import { IpAddress } from "../wire/address.ts";
import type { Packet } from "../wire/packet.ts";
import { contains, formatPrefix, type Prefix } from "../wire/prefix.ts";
import { describeSession } from "./capture_facts.ts";
import type { DatapathConfig } from "./datapath_config.ts";
import type { PathEvents } from "./icmp_translator.ts";
import type { RebuiltSession } from "./instruction_rebuild.ts";
import type { SessionEvents } from "./session_keeper.ts";
import { ProbeWatch } from "./probe_watch.ts";
import { HELD_FRAGMENT_BYTES, HELD_FRAGMENTS } from "./fragment_translator.ts";
import { ServerSigns } from "./server_signs.ts";
import { WorkerShare } from "./worker_share.ts";
import { SOCKET_BUFFER_BYTES } from "./worker_sockets.ts";
import { Translator } from "./translator.ts";
import { WarmUp } from "./warm_up.ts";
import {
  COMMAND,
  crossedEvent,
  EVENT,
  type NatWorkerMessage,
  type NatWorkerStart,
} from "./worker_protocol.ts";

const HELD_SLOTS = 32;
/** For packets of our own; a quarter of them may wait for link addresses. */
const REPLY_SLOTS = 64;
/** Sessions ended per turn of the loop: bounds how long packets wait for it. */
const EXPIRY_BUDGET = 256;
/** Servers' hosts whose next hops are looked up before any packet is for them: some milliseconds' work. */
const HOSTS_MET = 64;
/** Commands of the main thread that are carried out in one turn, likewise. */
const COMMANDS_AT_ONCE = 1024;

class NatWorker implements PacketHandler, SessionEvents, PathEvents {
  readonly #main: PacketThreadEnd;
  readonly #journal: Journal;
  readonly #table: SessionTable;
  readonly #traffic: ServiceTraffic;
  readonly #translator: Translator;
  readonly #engine: RawEngine;
  readonly #sockets: ReturnType<typeof openPacketSocket>[];
  readonly #memory: ArrayBuffer;
  readonly #taps = new CaptureTaps();
  /** By source, the number of the interface that its packets come by. */
  readonly #links: readonly number[];
  readonly #probes = new ProbeWatch((nonce) => this.#tell(EVENT.probe, 0, nonce, 0));
  readonly #ours = new Map<string, Prefix>();
  /** Of a process that had more packet workers: what waits in them, and may still come. */
  readonly #extra: readonly PacketSocket[];
  /** One worker's is enough for all. */
  readonly #shield: HostShield | null;
  /** Null: there are no other packet workers. */
  readonly #share: WorkerShare | null;
  #config: DatapathConfig;
  #paused = true;
  #nowMs = 0;

  constructor(start: NatWorkerStart) {
    setThreadName(`packets ${start.part.worker}`);
    if (start.pace.cpu !== null) setThreadCpu(start.pace.cpu);
    this.#main = new PacketThreadEnd(start.shared);
    this.#config = start.config;
    this.#journal = new Journal(start.journal);
    this.#table = new SessionTable(
      viewAt(start.table.address, start.table.lengthBytes),
      start.key,
      (bytes) => mapHuge(bytes).buffer,
      start.part,
    );
    const epoch = (this.#table.header[HEADER.hopEpoch]! + 1) % 65535 + 1;
    this.#table.header[HEADER.hopEpoch] = epoch;

    this.#traffic = new ServiceTraffic(start.traffic);

    const netlink = new RouteNetlink();
    const monitor = new RouteMonitor();
    const interfaces = start.interfaces.map((name) => hopInterface(netlink, name));
    const hops = new NextHops({ netlink, monitor, interfaces, firstEpoch: epoch });
    meetServers(hops, start.config);
    const { part, sharing } = start;
    const extra = start.sockets.flatMap((numbers) => numbers.slice(1));
    const count = interfaces.length + extra.length + (sharing === undefined ? 0 : 1);
    this.#links = [
      ...interfaces.keys(),
      ...start.sockets.flatMap((numbers, link) => numbers.slice(1).map(() => link)),
    ];
    const slots = count * BATCH + HELD_SLOTS + REPLY_SLOTS;
    const memory = mapAnonymous(slots * SLOT_BYTES + HELD_FRAGMENTS * HELD_FRAGMENT_BYTES);
    this.#memory = memory.buffer;
    this.#nowMs = bootTimeMs();
    this.#share = sharing === undefined ? null : new WorkerShare({
      part,
      sharing,
      table: this.#table,
      memory,
      memoryOffset: (count - 1) * BATCH * SLOT_BYTES,
      counters: this.#main.counters,
      key: start.key,
      linkOf: (slot) => this.#linkOf(slot),
      translate: (packet, slot, nowMs) => this.#translator.handle(packet, slot, nowMs),
    });
    for (const prefix of addressesInUse(this.#table)) this.#ours.set(formatPrefix(prefix), prefix);
    const filter = this.#filter(start.config);
    this.#sockets = interfaces.map((link, i) => {
      const number = start.sockets[i]?.[0];
      // One that was received keeps its filter until packets are taken from it.
      if (number !== undefined) return socketOf(number);
      return openPacketSocket({
        interfaceIndex: link.index,
        protocol: ETH_P_ALL,
        vnetHeader: true,
        ignoreOutgoing: true,
        receiveBufferBytes: SOCKET_BUFFER_BYTES,
        sendBufferBytes: SOCKET_BUFFER_BYTES,
        filter,
      });
    });
    this.#extra = extra.map(socketOf);
    this.#shield = start.hostShield && part.worker === 0
      ? new HostShield(
        interfaces.map(({ index }) => index),
        destinations(start.config),
        (errno) => this.#tell(EVENT.unshielded, 0, errno, 0),
      )
      : null;
    this.#tellOfShield();
    const sources: readonly PacketSource[] = [
      ...[...this.#sockets, ...this.#extra].map((socket, i) =>
        new SocketSource(socket, memory, i * BATCH * SLOT_BYTES)
      ),
      ...(this.#share === null ? [] : [this.#share.exchange]),
    ];
    const overload = new Overload(sources.map(({ queue }) => queue ?? null));
    this.#translator = new Translator({
      table: this.#table,
      hops,
      events: this,
      sender: {
        emit: (packet, hop) => this.#engine.emit(packet, hop),
        follow: (slot, bytes, hop) => this.#engine.follow(slot, bytes, hop),
      },
      isProbe: (packet, partial) => this.#probes.take(packet, partial),
      fragmentMemory: { buffer: memory.buffer, offset: slots * SLOT_BYTES },
      config: start.config,
      signs: new ServerSigns(start.signs),
      affinity: new AffinityTable(start.affinity, start.key),
      traffic: this.#traffic,
      worker: part.worker,
      ...(this.#share && {
        withheldPorts: this.#share.withheldPorts,
        identifications: this.#share.identifications,
        pass: (packet, vnetOffset) => this.#share!.director.pass(packet, vnetOffset),
      }),
      overload,
      random: secureRandom(),
      nowMs: this.#nowMs,
      closedGates: new Uint8Array(start.closedGates),
      rates: new RateMeter(start.rates),
    });
    this.#translator.silence(start.silentUntilMs);

    this.#share?.configure(start.config);
    this.#share?.adopt();
    this.#engine = new RawEngine({
      memory,
      sources,
      overload,
      outputs: this.#sockets.map((socket) => socket.fd.number),
      hops,
      handler: this,
      counters: this.#main.counters,
      heldSlots: slotsFrom(count * BATCH, HELD_SLOTS),
      replySlots: slotsFrom(count * BATCH + HELD_SLOTS, REPLY_SLOTS),
      bell: start.shared.bell,
      monitorFd: monitor.fd.number,
      interrupted: () => this.#main.interrupted,
      asleep: (sleeping) => {
        this.#main.sleeping(sleeping);
        if (sleeping) this.#share?.exchange.wakeForWaiting();
      },
      busyPollMs: start.pace.busyPollMs,
    });
  }

  /** Handles one message; false when it was the last. */
  message(message: NatWorkerMessage): boolean {
    this.#main.received();
    switch (message.kind) {
      case "configure":
        this.#main.answer(() => this.#configure(message));
        break;
      case "rebuild":
        this.#main.answer(() => this.#rebuild(message.sessions));
        break;
      case "foreign":
        this.#main.answer(() => this.#share?.addForeign(message.slots));
        break;
      case "silence":
        this.#translator.silence(message.untilMs);
        break;
      case "pause":
        this.#main.answer(() => this.#pause());
        break;
      case "resume":
        this.#resume();
        break;
      case "tap":
        this.#main.answer(() => this.#tap(message.order));
        break;
      case "untap":
        this.#main.answer(() => this.#untap(message.id));
        break;
      case "quit":
        this.#engine.close();
        for (const socket of [...this.#sockets, ...this.#extra]) socket.close();
        this.#shield?.close();
        return false;
    }
    return true;
  }

  #tap(order: TapOrder): void {
    const { last } = this.#translator;
    this.#taps.add(
      new CaptureTap(order, {
        memory: this.#memory,
        hasEthernet: () => true,
        linkOf: (_source, slot) => this.#linkOf(slot),
        forget: () => this.#translator.forget(),
        describe: (subject) => describeSession(this.#table, last, subject),
      }),
    );
    this.#engine.tap = this.#taps.tap;
  }

  /** Number of the interface that the packet in a slot came by, here or at another worker. */
  #linkOf(slot: number): number {
    if (this.#share?.exchange.has(slot)) return this.#share.exchange.linkOf(slot);
    return this.#links[Math.floor(slot / (BATCH * SLOT_BYTES))]!;
  }

  #untap(id: number): void {
    this.#taps.remove(id);
    this.#engine.tap = this.#taps.tap;
  }

  /** Answers with the slots of those that are foreign to their clients' worker. */
  #rebuild(sessions: readonly RebuiltSession[]): number[] {
    const count = { rebuilt: 0, known: 0, conflict: 0, full: 0 };
    const nowMs = bootTimeMs();
    for (const session of sessions) count[this.#translator.rebuild(session, nowMs)]++;
    this.#tell(EVENT.rebuilt, count.rebuilt, count.conflict, count.full);
    return this.#share?.foreignSlots() ?? [];
  }

  /** All of it or none: a filter that lets too much through does no harm. */
  #configure({ config }: NatWorkerMessage & { kind: "configure" }): void {
    const filter = this.#filter(config);
    for (const socket of this.#sockets) socket.setFilter(filter);
    this.#translator.configure(config);
    this.#share?.configure(config);
    // What is no longer configured may become the host's own. Sessions of it live on nevertheless.
    this.#shield?.replace(destinations(config));
    this.#tellOfShield();
    this.#config = config;
  }

  #tellOfShield(): void {
    if (this.#shield !== null) {
      this.#main.counters[COUNTER.hostShield] = Number(this.#shield.stands);
    }
  }

  /** Takes packets for all that was ever ours: sessions of what is gone from it live on. */
  #filter(config: DatapathConfig) {
    const configured = destinations(config);
    for (const prefix of configured) this.#ours.set(formatPrefix(prefix), prefix);
    // What lies within a range of the configuration needs no place of its own.
    const isCovered = (it: Prefix) =>
      configured.some((range) => range.length < it.length && contains(range, it.address));
    return ingressFilter([...this.#ours.values()].filter((it) => !isCovered(it)));
  }

  run(): void {
    if (!this.#paused) this.#engine.run();
  }

  /** Between two batches: what was taken has been sent, what comes waits in the sockets. */
  #pause(): number[] {
    this.#paused = true;
    if (this.#share !== null) this.#engine.takeAll(this.#share.exchange);
    this.#main.commands.drain(this.#command);
    return this.#sockets.map((socket) => socket.fd.number);
  }

  #resume(): void {
    this.#paused = false;
    const filter = this.#filter(this.#config);
    for (const socket of [...this.#sockets, ...this.#extra]) socket.setFilter(filter);
  }

  get foresight() {
    return this.#translator.foresight;
  }

  /** For the main thread: slots that were held when the table was taken over. */
  get report(): Int32Array {
    return Int32Array.from(this.#table.found.held);
  }

  handle(packet: Packet, slot: number, nowMs: number): number {
    return this.#share === null
      ? this.#translator.handle(packet, slot, nowMs)
      : this.#share.director.handle(packet, slot, nowMs);
  }

  get busy(): boolean {
    return this.#translator.busy || !this.#main.commands.empty;
  }

  maintain(nowMs: number): void {
    this.#nowMs = nowMs;
    if (!this.#main.commands.empty) this.#main.commands.drain(this.#command, COMMANDS_AT_ONCE);
    const lost = this.#translator.expire(nowMs, EXPIRY_BUDGET) +
      (this.#share?.director.maintain(nowMs) ?? 0);
    if (lost > 0) this.#add(COUNTER.drops + DROP.fragment, lost);
  }

  readonly #command = (command: number, slot: number, id: number, value: number): void => {
    if (command === COMMAND.rearm) this.#translator.rearm(slot, id);
    else if (command === COMMAND.expectProbe) this.#probes.expect(id);
    else if (command === COMMAND.saw) this.#translator.agentSaw(slot, id, value, this.#nowMs);
  };

  crossed(slot: number, id: number, reason: number, value: number, nowMs: number): boolean {
    return this.#tell(crossedEvent(reason, nowMs), slot, id, value);
  }

  ended(slot: number, id: number): boolean {
    return this.#tell(EVENT.ended, slot, id, 0);
  }

  pathMtu(slot: number, id: number, mtuBytes: number): boolean {
    return this.#tell(EVENT.pathMtu, slot, id, mtuBytes);
  }

  undelivered(slot: number, id: number, why: number): void {
    // Another error will come for it, should there be no room now.
    this.#tell(EVENT.undelivered, slot, id, why);
  }

  opened(slot: number, nowMs: number): void {
    this.#add(COUNTER.sessionsOpened);
    this.#traffic.opened(this.#keyOf(slot));
    this.#journal.write(JOURNAL_OPENED, 0, this.#table, slot, nowMs);
  }

  adopted(slot: number): void {
    const state = this.#table.getU8(slot, U8.state);
    if (state === STATE.closed || state === STATE.quarantine) return;
    this.#traffic.adopted(this.#keyOf(slot));
  }

  closed(slot: number, reason: number, nowMs: number): void {
    this.#add(COUNTER.sessionsClosed);
    this.#traffic.closed(this.#keyOf(slot), reason);
    this.#journal.write(JOURNAL_CLOSED, reason, this.#table, slot, nowMs);
  }

  #tell(event: number, slot: number, id: number, value: number): boolean {
    const told = this.#main.tell(event, slot, id, value);
    if (!told) this.#add(COUNTER.ringFull);
    return told;
  }

  #keyOf(slot: number): number {
    return trafficKey(this.#table.getU16(slot, U16.vip), this.#table.getU8(slot, U8.protocol));
  }

  #add(counter: number, count = 1): void {
    this.#main.counters[counter] = this.#main.counters[counter]! + count;
  }
}

function socketOf(number: number): PacketSocket {
  return new PacketSocket(new Fd(number, "packet socket"));
}

/** VIPs and SNAT addresses of sessions, which may be of a configuration that is no more. */
function addressesInUse(table: SessionTable): Prefix[] {
  const { vips, natAddresses } = table.found;
  const entries = [...vips.keys()].filter((it) => vips[it] === 1 || natAddresses[it] === 1);
  return entries.map((entry) => {
    const [w0, w1, w2, w3] = table.dictionary.subarray(entry * 8, entry * 8 + 4);
    const address = IpAddress.fromWords(w0!, w1!, w2!, w3!);
    return { address, length: address.family === 4 ? 32 : 128 };
  });
}

/** The link addresses of the next hops are asked for, and the first packets need not wait for these. */
function meetServers(hops: NextHops, { services }: DatapathConfig): void {
  const servers = services.flatMap((service) => service.servers);
  const hosts = new Map(servers.map(({ words }) => [words.join(), words]));
  for (const words of [...hosts.values()].slice(0, HOSTS_MET)) {
    hops.toAddress(Int32Array.from(words), 0);
  }
}

/** Offsets of slots in the engine's memory. */
function slotsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => (first + i) * SLOT_BYTES);
}

function destinations(config: DatapathConfig): Prefix[] {
  return config.destinations.map(({ words, length }) => ({
    address: IpAddress.fromWords(words[0]!, words[1]!, words[2]!, words[3]!),
    length,
  }));
}

servePackets<NatWorkerStart, NatWorkerMessage>(
  (start) => new NatWorker(start),
  () => new WarmUp(),
);
