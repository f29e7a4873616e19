import type { Mapping } from "../linux/memory.ts";
import { openOutbox, type Outbox } from "../linux/outbox.ts";
import { Poller } from "../linux/poll.ts";
import { ENETDOWN } from "../linux/constants.ts";
import { errnoName } from "../linux/error.ts";
import { drainEventFd } from "../linux/event_fd.ts";
import { bootTimeMs } from "../linux/clock.ts";
import { yieldCpu } from "../linux/process.ts";
import { COUNTER } from "../session/counters.ts";
import { DROP } from "../session/drop_reason.ts";
import { Packet } from "../wire/packet.ts";
import { PARSED, TOO_SHORT, UNKNOWN_PROTOCOL } from "../wire/reason.ts";
import { check, FLAG_NEEDS_CSUM, gsoSize } from "../wire/virtio_net_header.ts";
import {
  ETHERNET_HEADER_BYTES,
  HANDED,
  IP_OFFSET,
  MAINTENANCE_MS,
  type PacketHandler,
  type PacketSender,
  type PacketSource,
  type PacketTap,
  VNET_HEADER_BYTES,
} from "./engine.ts";
import { HeldPackets } from "./held_packets.ts";
import type { NextHops } from "./next_hops.ts";
import type { Overload } from "./overload.ts";
import { BATCH, SLOT_BYTES } from "./packet_source.ts";
import { ReplyQueue } from "./reply_queue.ts";
import { TurnClock } from "./turn_clock.ts";

const POLLIN = 1;
/** How often the kernel is asked what it dropped. */
const ASKING_MS = 1_000;
/** A poll that took no longer did not wait. */
const AT_ONCE_MS = 0.1;

export interface RawEngineOptions {
  /** All packets lie in this memory, so that any output can send from where they are. */
  readonly memory: Mapping;
  readonly sources: readonly PacketSource[];
  /** Sockets to send by, in the order of `hops.interfaces`. */
  readonly outputs: readonly number[];
  readonly hops: NextHops;
  readonly handler: PacketHandler;
  readonly counters: Float64Array;
  /** Offsets of slots for packets that wait for a link address. */
  readonly heldSlots: readonly number[];
  /** Offsets of slots for packets that the handler makes itself (ReplyQueueOptions). Default: none. */
  readonly replySlots?: readonly number[];
  /** An eventfd that wakes the engine. */
  readonly bell: number;
  /** rtnetlink's notifications. */
  readonly monitorFd: number;
  /** True when the engine is to return from {@linkcode RawEngine.run}. */
  readonly interrupted: () => boolean;
  /** Says that the engine goes to sleep (true) or woke up. */
  readonly asleep: (sleeping: boolean) => void;
  /** How long the engine goes on asking for packets before it sleeps. Default 0. */
  readonly busyPollMs?: number;
  /** Is told how many packets the sources had; default: nobody is. */
  readonly overload?: Overload;
}

/**
 * Moves packets with system calls alone: up to 64 in with one recvmmsg (or that many reads of a
 * tun device), changed where they lie, out with one io_uring_enter (or a sendmmsg per interface).
 * Sleeps in poll when nothing comes. Runs on a worker thread, which it blocks.
 */
export class RawEngine implements PacketSender {
  readonly #sources: readonly PacketSource[];
  readonly #outbox: Outbox;
  readonly #hops: NextHops;
  readonly #handler: PacketHandler;
  readonly #counters: Float64Array;
  readonly #held: HeldPackets;
  readonly #replies: ReplyQueue;
  readonly #options: RawEngineOptions;
  readonly #packet = new Packet();
  readonly #poller: Poller;
  readonly #bellAt: number;
  readonly #monitorAt: number;
  /** Of each source: is it to be asked in the next turn? */
  readonly #due: Uint8Array;
  /** Has a source more than it gave in this turn? Then all are asked again, so that none waits for it. */
  #more = false;
  /** What follows the packet that is being handled: slot, bytes and hop of each. */
  readonly #kept = new Int32Array(3 * BATCH);
  #following = 0;
  #maintainedMs = 0;
  #followedMs = 0;
  #askedMs = 0;
  readonly #turnClock: TurnClock;
  #tap: PacketTap | null = null;
  readonly #overload: Overload | null;

  constructor(options: RawEngineOptions) {
    this.#options = options;
    this.#overload = options.overload ?? null;
    this.#sources = options.sources;
    this.#outbox = openOutbox(options.memory, options.outputs, { capacity: BATCH });
    this.#hops = options.hops;
    this.#handler = options.handler;
    this.#counters = options.counters;
    this.#counters[COUNTER.ioUring] = Number(this.#outbox.by === "io_uring");
    this.#turnClock = new TurnClock(options.counters);
    this.#held = new HeldPackets(
      options.memory.buffer,
      options.heldSlots,
      (slot, frameBytes) => this.#lose(slot, frameBytes, DROP.neighbour),
    );
    this.#replies = new ReplyQueue({
      memory: options.memory,
      slots: options.replySlots ?? [],
      slotBytes: SLOT_BYTES,
      outputs: options.outputs,
      hops: options.hops,
      counters: options.counters,
    });
    this.#packet.attach(options.memory.buffer);
    this.#poller = new Poller({ capacity: options.sources.length + 2 });
    for (const source of options.sources) this.#poller.add(source.fd, POLLIN);
    this.#due = new Uint8Array(options.sources.length).fill(1);
    this.#bellAt = this.#poller.add(options.bell, POLLIN);
    this.#monitorAt = this.#poller.add(options.monitorFd, POLLIN);
    this.#hops.onResolved = (hop) => {
      const send = (slot: number, bytes: number) => this.#send(hop, slot, bytes);
      this.#held.release(hop, send);
      this.#replies.release(hop);
    };
  }

  /** Shows all packets to a tap from now on; null: to nobody. */
  set tap(tap: PacketTap | null) {
    this.#tap = tap;
    this.#replies.tap = tap;
  }

  /** Moves packets until it is interrupted; one turn at least, so that they do not wait for many interruptions. */
  run(): void {
    const counters = this.#counters;
    const { busyPollMs = 0 } = this.#options;
    let nowMs = bootTimeMs();
    let lastPacketMs = 0;
    do {
      const received = this.#turns(nowMs);
      if (nowMs - this.#maintainedMs >= 1) this.#maintain(nowMs);
      if (nowMs - this.#followedMs >= MAINTENANCE_MS) this.#follow(nowMs);
      const begunMs = nowMs;
      nowMs = bootTimeMs();
      if (received > 0) {
        // Asking in vain is no work.
        counters[COUNTER.busyMs] = counters[COUNTER.busyMs]! + nowMs - begunMs;
        lastPacketMs = nowMs;
      }
      // SO_BUSY_POLL would do nothing for it: packet sockets have no NAPI id.
      if (this.#more || nowMs - lastPacketMs < busyPollMs) {
        this.#due.fill(1);
        // The very one that would answer may be waiting for this CPU.
        if (received === 0) yieldCpu();
      } else {
        this.#rest(nowMs);
        nowMs = bootTimeMs();
      }
    } while (!this.#options.interrupted());
  }

  /** Takes all that waits in one source, while the engine does not run. */
  takeAll(source: PacketSource): void {
    const at = this.#sources.indexOf(source);
    while (at >= 0 && this.#turn(at) > 0);
  }

  /** Lets go of what it sends with; it does not run any more. */
  close(): void {
    this.#outbox[Symbol.dispose]();
  }

  emit(packet: Uint8Array, hop: number): boolean {
    return this.#replies.emit(packet, hop);
  }

  /** Asks the sources that are due, and tells how many packets they had. */
  #turns(nowMs: number): number {
    let received = 0;
    this.#more = false;
    this.#turnClock.look(nowMs);
    for (let i = 0; i < this.#sources.length; i++) {
      if (this.#due[i] === 0) continue;
      this.#due[i] = 0;
      received += this.#turn(i);
    }
    if (received > 0) this.#turnClock.found();
    return received;
  }

  /** Sleeps until something comes; the sources that have packets are due then. */
  #rest(nowMs: number): void {
    this.#options.asleep(true);
    // What was written to a ring before `asleep` was set rang no bell.
    const waits = !this.#options.interrupted();
    if (waits) {
      this.#handler.maintain(nowMs);
      const askedMs = bootTimeMs();
      const ready = this.#poller.wait(this.#handler.busy ? 0 : MAINTENANCE_MS);
      const awokenMs = bootTimeMs();
      // What was there at once had come before, and has waited since the sources were looked at.
      if (ready === 0 || awokenMs - askedMs > AT_ONCE_MS) this.#turnClock.slept(awokenMs);
      this.#counters[COUNTER.wakeUps] = this.#counters[COUNTER.wakeUps]! + 1;
    }
    this.#options.asleep(false);
    if (!waits) return;
    for (let i = 0; i < this.#due.length; i++) this.#due[i] = this.#due[i]! | this.#poller.ready(i);
    if (this.#poller.ready(this.#bellAt) !== 0) drainEventFd(this.#options.bell);
    if (this.#poller.ready(this.#monitorAt) !== 0) this.#follow(bootTimeMs());
  }

  #turn(sourceAt: number): number {
    const source = this.#sources[sourceAt]!;
    const count = source.receive();
    if (source.more) this.#more = true;
    if (count < 0) return sourceFailed(-count);
    // Not before they were taken: this thread may have been stopped in between, and what is allowed
    // until some time must not be allowed by a clock read long ago.
    const nowMs = bootTimeMs();
    if (this.#overload !== null) this.#overload.took(sourceAt, count, source.more, nowMs);
    if (count === 0) return 0;
    const counters = this.#counters;
    counters[COUNTER.batches] = counters[COUNTER.batches]! + 1;
    counters[COUNTER.received] = counters[COUNTER.received]! + count;
    if (count > 1) this.#foresee(source, count);
    for (let i = 0; i < count; i++) {
      const frameBytes = source.frameBytes(i);
      if (frameBytes === 0) this.#drop(source.refusal(i));
      else this.#process(sourceAt, source.slotOffset(i), frameBytes, nowMs);
    }
    this.#flush();
    return count;
  }

  #foresee(source: PacketSource, count: number): void {
    const { foresight } = this.#handler;
    if (foresight === undefined || !foresight.pays) return;
    const { view } = this.#packet;
    for (let i = 0; i < count; i++) foresight.look(view, source.slotOffset(i) + IP_OFFSET);
    foresight.fetch();
  }

  #process(source: number, slot: number, frameBytes: number, nowMs: number): void {
    const packet = this.#packet;
    if (this.#tap !== null) this.#tap.arrived(source, slot, frameBytes);
    const verdict = this.#decide(slot, frameBytes, nowMs);
    if (this.#tap !== null) this.#tap.decided(verdict);
    if (verdict < 0) {
      if (verdict > HANDED) this.#drop(-verdict);
      return;
    }
    if (verdict === 0) this.#answered();
    else {
      // DATA_VALID is the receiving device's word and means nothing to the sending one.
      packet.bytes[slot] = packet.bytes[slot]! & FLAG_NEEDS_CSUM;
      // Frames are padded to 60 bytes on the wire; what is sent is the packet alone.
      this.#forward(verdict, slot, ETHERNET_HEADER_BYTES + packet.totalBytes, nowMs);
    }
    for (let i = 0; i < this.#following; i += 3) {
      const frameBytes = ETHERNET_HEADER_BYTES + this.#kept[i + 1]!;
      this.#forward(this.#kept[i + 2]!, this.#kept[i]!, frameBytes, nowMs);
    }
    this.#following = 0;
  }

  /** What is to become of a frame: a verdict of the handler, or a reason not to ask it, negated. */
  #decide(slot: number, frameBytes: number, nowMs: number): number {
    const packet = this.#packet;
    const ipBytes = frameBytes - ETHERNET_HEADER_BYTES;
    if (ipBytes <= 0) return -TOO_SHORT;
    const reason = packet.parse(slot + IP_OFFSET, ipBytes);
    if (reason !== PARSED && reason !== UNKNOWN_PROTOCOL) return -reason;
    const bad = check(packet.view, slot, frameBytes, packet);
    if (bad !== PARSED) return -bad;
    this.#counters[COUNTER.bytesReceived] = this.#counters[COUNTER.bytesReceived]! +
      packet.totalBytes;
    return this.#handler.handle(packet, slot, nowMs);
  }

  follow(slot: number, packetBytes: number, hop: number): void {
    const at = this.#following;
    if (at === this.#kept.length) return this.#drop(DROP.fragment);
    this.#kept[at] = slot;
    this.#kept[at + 1] = packetBytes;
    this.#kept[at + 2] = hop;
    this.#following = at + 3;
  }

  #forward(hop: number, slot: number, frameBytes: number, nowMs: number): void {
    if (this.#hops.resolved(hop)) this.#send(hop, slot, frameBytes);
    else this.#held.hold(hop, slot, frameBytes, nowMs);
  }

  #send(hop: number, slot: number, frameBytes: number): void {
    const view = this.#packet.view;
    const mtu = this.#hops.mtu(hop);
    if (frameBytes - ETHERNET_HEADER_BYTES > mtu && gsoSize(view, slot) === 0) {
      return this.#lose(slot, frameBytes, DROP.tooBig);
    }
    this.#hops.writeEthernet(hop, view, slot);
    const output = this.#hops.output(hop);
    if (this.#outbox.full) this.#flushOutbox();
    this.#outbox.push(output, slot, VNET_HEADER_BYTES + frameBytes);
    if (this.#tap !== null) this.#tap.leaving(output, slot, frameBytes, false);
    this.#counters[COUNTER.bytesForwarded] = this.#counters[COUNTER.bytesForwarded]! +
      frameBytes - ETHERNET_HEADER_BYTES;
  }

  #flush(): void {
    if (this.#outbox.length > 0) this.#flushOutbox();
    this.#replies.flush();
  }

  #flushOutbox(): void {
    const waiting = this.#outbox.length;
    const sent = this.#outbox.flush();
    const counters = this.#counters;
    counters[COUNTER.forwarded] = counters[COUNTER.forwarded]! + sent;
    if (sent < waiting) {
      const at = COUNTER.drops + DROP.sendFailed;
      counters[at] = counters[at]! + waiting - sent;
    }
  }

  #answered(): void {
    this.#counters[COUNTER.answered] = this.#counters[COUNTER.answered]! + 1;
  }

  #drop(reason: number): void {
    const at = COUNTER.drops + reason;
    this.#counters[at] = this.#counters[at]! + 1;
  }

  /** Drops what was to be forwarded. */
  #lose(slot: number, frameBytes: number, reason: number): void {
    if (this.#tap !== null) this.#tap.lost(slot, frameBytes, reason);
    this.#drop(reason);
  }

  #maintain(nowMs: number): void {
    this.#maintainedMs = nowMs;
    this.#handler.maintain(nowMs);
    this.#replies.flush();
  }

  /** The kernel's own count of what it could not hand over: the sign of overload. */
  #askForDrops(nowMs: number): void {
    this.#askedMs = nowMs;
    let drops = 0;
    for (const source of this.#sources) drops += source.drops();
    this.#counters[COUNTER.socketDrops] = drops;
  }

  /** Follows routes and neighbours, and sends or gives up what waited for one. */
  #follow(nowMs: number): void {
    this.#followedMs = nowMs;
    // A source may have to know that nobody stood still, also when it has nothing.
    this.#due.fill(1);
    if (nowMs - this.#askedMs >= ASKING_MS) this.#askForDrops(nowMs);
    this.#hops.maintain(nowMs);
    this.#replies.expire(nowMs);
    this.#held.expire(nowMs);
    this.#flush();
  }
}

/** An interface that is down comes up again; anything else would make the loop spin for ever. */
function sourceFailed(errno: number): number {
  if (errno === ENETDOWN) return 0;
  throw new Error(`Cannot receive packets: ${errnoName(errno)}`);
}
