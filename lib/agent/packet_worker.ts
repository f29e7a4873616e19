/**
 * A worker thread of an agent: carries the server's response packets that the kernel puts into one
 * queue of the tun device, and does nothing else.
 * How the main thread reaches it: see lib/nat/packet_worker.ts.
 */
import { bootTimeMs } from "../linux/clock.ts";
import { openPacketSocket } from "../linux/packet_socket.ts";
import { mapAnonymous, viewAt } from "../linux/memory.ts";
import { setThreadCpu, setThreadName } from "../linux/process.ts";
import { RouteMonitor, RouteNetlink } from "../linux/rtnetlink.ts";
import { CaptureTap, CaptureTaps, type TapOrder } from "../datapath/capture_tap.ts";
import type { PacketHandler } from "../datapath/engine.ts";
import { FreshSource } from "../datapath/fresh_source.ts";
import { type HopInterface, hopInterface, NextHops } from "../datapath/next_hops.ts";
import { BATCH, SLOT_BYTES } from "../datapath/packet_source.ts";
import { RawEngine } from "../datapath/raw_engine.ts";
import { PacketThreadEnd, servePackets } from "../datapath/packet_thread_end.ts";
import { TunSource } from "../datapath/tun_source.ts";
import { COUNTER } from "../session/counters.ts";
import type { CaptureSubject } from "../session/capture_subject.ts";
import type { IpAddress } from "../wire/address.ts";
import { contains, parsePrefix, type Prefix } from "../wire/prefix.ts";
import type { Packet } from "../wire/packet.ts";
import { type AgentHops, DirectTranslator } from "./direct_translator.ts";
import { Heartbeat, HEARTBEAT_BYTES } from "./heartbeat.ts";
import { InstructionTable } from "./instruction_table.ts";
import {
  AGENT_COMMAND,
  AGENT_EVENT,
  type AgentWorkerMessage,
  type AgentWorkerStart,
} from "./worker_protocol.ts";

const HELD_SLOTS = 32;
/** Commands of the main thread that are carried out in one turn: bounds how long packets wait for it. */
const COMMANDS_AT_ONCE = 256;
const SEND_BUFFER_BYTES = 64 * 1024 * 1024;

class AgentWorker implements PacketHandler, AgentHops {
  readonly #main: PacketThreadEnd;
  readonly #table: InstructionTable;
  readonly #translator: DirectTranslator;
  readonly #hops: NextHops;
  readonly #engine: RawEngine;
  readonly #heartbeat: Heartbeat;
  readonly #worker: number;
  readonly #sockets: ReturnType<typeof openPacketSocket>[];
  readonly #memory: ArrayBuffer;
  readonly #taps = new CaptureTaps();
  #ways: { readonly prefix: Prefix; readonly interfaceIndex: number }[] = [];

  constructor(start: AgentWorkerStart) {
    setThreadName(`packets ${start.worker}`);
    if (start.pace.cpu !== null) setThreadCpu(start.pace.cpu);
    this.#main = new PacketThreadEnd(start.shared);
    this.#worker = start.worker;
    this.#heartbeat = new Heartbeat(viewAt(start.heartbeat, HEARTBEAT_BYTES));
    this.#table = new InstructionTable(start.memory, start.key, start.worker);
    const netlink = new RouteNetlink();
    const monitor = new RouteMonitor();
    const interfaces: HopInterface[] = start.interfaces.map((name) => hopInterface(netlink, name));
    const direct = interfaces.find((link) => link.name === start.directInterface)?.index;
    this.#hops = new NextHops({
      netlink,
      monitor,
      interfaces,
      firstEpoch: 1,
      outInterface: (address) => this.#natInterface(address) ?? direct,
    });
    this.#translator = new DirectTranslator(this.#table, this, {
      closing: (slot) => this.#tell(AGENT_EVENT.closing, slot),
      // The next report says it, should there be no room.
      resent: (slot) => this.#main.tell(AGENT_EVENT.resent, slot, 0, 0),
      reopened: (slot) => this.#tell(AGENT_EVENT.reopened, slot),
    });
    // They only send: protocol 0 receives nothing.
    this.#sockets = interfaces.map((link) =>
      openPacketSocket({
        interfaceIndex: link.index,
        protocol: 0,
        vnetHeader: true,
        sendBufferBytes: SEND_BUFFER_BYTES,
      })
    );
    const memory = mapAnonymous((BATCH + HELD_SLOTS) * SLOT_BYTES);
    this.#memory = memory.buffer;
    this.#engine = new RawEngine({
      memory,
      // The NAT endpoint of what waited for long may be another client's by now.
      sources: [new FreshSource(new TunSource(start.tun, memory, 0), bootTimeMs)],
      outputs: this.#sockets.map((socket) => socket.fd.number),
      hops: this.#hops,
      handler: this,
      counters: this.#main.counters,
      heldSlots: Array.from({ length: HELD_SLOTS }, (_, i) => (BATCH + i) * SLOT_BYTES),
      bell: start.shared.bell,
      monitorFd: monitor.fd.number,
      interrupted: () => this.#main.interrupted,
      asleep: (sleeping) => {
        if (sleeping) this.#heartbeat.beatIdle(this.#worker);
        this.#main.sleeping(sleeping);
      },
      busyPollMs: start.pace.busyPollMs,
    });
  }

  /** Handles one message; false when it was the last. */
  message(message: AgentWorkerMessage): boolean {
    this.#main.received();
    if (message.kind === "quit") {
      this.#engine.close();
      for (const socket of this.#sockets) socket.close();
      return false;
    }
    switch (message.kind) {
      case "snat":
        this.#ways = message.ways.map(({ prefix, interfaceIndex }) => ({
          prefix: parsePrefix(prefix),
          interfaceIndex,
        }));
        this.#hops.forget();
        break;
      case "tap":
        this.#main.answer(() => this.#tap(message.order));
        break;
      case "untap":
        this.#main.answer(() => this.#untap(message.id));
        break;
    }
    return true;
  }

  #tap(order: TapOrder): void {
    this.#taps.add(
      new CaptureTap(order, {
        memory: this.#memory,
        // A tun device has no link addresses.
        hasEthernet: () => false,
        linkOf: (source) => source,
        forget: () => this.#translator.forget(),
        describe: (subject) => this.#describe(subject),
      }),
    );
    this.#engine.tap = this.#taps.tap;
  }

  #untap(id: number): void {
    this.#taps.remove(id);
    this.#engine.tap = this.#taps.tap;
  }

  #describe(subject: CaptureSubject): void {
    const slot = this.#translator.matched;
    subject.slot = slot;
    subject.path = this.#translator.bypassed ? "bypass" : "nat";
    if (slot !== 0) this.#table.describe(slot, subject);
  }

  run(): void {
    this.#engine.run();
  }

  handle(packet: Packet, slot: number, nowMs: number): number {
    const verdict = this.#translator.handle(packet, slot, nowMs);
    if (verdict > 0 && this.#translator.bypassed) {
      const counters = this.#main.counters;
      counters[COUNTER.bypassed] = counters[COUNTER.bypassed]! + 1;
      counters[COUNTER.bytesBypassed] = counters[COUNTER.bytesBypassed]! + packet.totalBytes;
    }
    return verdict;
  }

  maintain(_nowMs: number): void {
    this.#heartbeat.beatWorker(this.#worker);
    if (!this.#main.commands.empty) this.#main.commands.drain(this.#command, COMMANDS_AT_ONCE);
  }

  get busy(): boolean {
    return !this.#main.commands.empty;
  }

  // Commands are carried out between batches, when no packet is on its way through here: once
  // `removed` is told, no packet leaves by that instruction any more.
  readonly #command = (command: number, slot: number): void => {
    if (command === AGENT_COMMAND.add) {
      this.#table.add(slot);
      // Finds the client's next hop, and its link address, before the first packet needs it.
      const hop = this.#hops.toAddress(this.#table.clientWords, this.#table.clientOffset(slot));
      if (hop !== 0) this.#hops.resolved(hop);
      this.#tell(AGENT_EVENT.added, slot);
    } else {
      this.#table.remove(slot);
      this.#tell(AGENT_EVENT.removed, slot);
    }
  };

  #tell(event: number, slot: number): void {
    // As large as the commands and the instructions together, so it cannot be full.
    if (!this.#main.tell(event, slot, 0, 0)) throw new Error("Cannot tell the main thread");
  }

  get epoch(): number {
    return this.#hops.epoch;
  }
  toClient(words: Int32Array, offset: number): number {
    return this.#hops.toAddress(words, offset);
  }
  toNat(words: Int32Array, offset: number): number {
    return this.#hops.toAddress(words, offset);
  }
  resolved(hop: number): boolean {
    return this.#hops.resolved(hop);
  }
  mtu(hop: number): number {
    return this.#hops.mtu(hop);
  }

  /** The interface of the ordinary way to a SNAT address; the agent's own route must not be found. */
  #natInterface(address: IpAddress): number | undefined {
    return this.#ways.find(({ prefix }) => contains(prefix, address))?.interfaceIndex;
  }
}

servePackets<AgentWorkerStart, AgentWorkerMessage>((start) => new AgentWorker(start));
