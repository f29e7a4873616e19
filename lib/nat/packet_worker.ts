/**
 * The worker thread of a NAT machine that carries the packets, and does nothing else.
 *
 * It blocks its thread in the engine's loop. The main thread reaches it by shared memory; for the
 * rare message it announces one in SIGNAL.posted, the loop ends, the message is handled and the
 * loop begins again.
 */
/// <reference lib="webworker" />
import { openPacketSocket } from "../linux/packet_socket.ts";
import { mapAnonymous, viewAt } from "../linux/memory.ts";
import { RouteMonitor, RouteNetlink } from "../linux/rtnetlink.ts";
import { ETH_P_ALL } from "../linux/constants.ts";
import { bootTimeMs } from "../linux/clock.ts";
import { type PacketHandler } from "../datapath/engine.ts";
import { ingressFilter } from "../datapath/ingress_filter.ts";
import { type HopInterface, NextHops } from "../datapath/next_hops.ts";
import { BATCH, SLOT_BYTES, SocketSource } from "../datapath/packet_source.ts";
import { RawEngine } from "../datapath/raw_engine.ts";
import { Ring } from "../datapath/ring.ts";
import { secureRandom } from "../datapath/secure_random.ts";
import { COUNTER } from "../session/counters.ts";
import { HEADER } from "../session/layout.ts";
import { Journal, JOURNAL_CLOSED, JOURNAL_OPENED } from "../session/journal.ts";
import { SessionTable } from "../session/session_table.ts";
import { IpAddress } from "../wire/address.ts";
import type { Packet } from "../wire/packet.ts";
import type { Prefix } from "../wire/prefix.ts";
import { needsChecksum } from "../wire/virtio_net_header.ts";
import type { DatapathConfig } from "./datapath_config.ts";
import { Translator, type TranslatorEvents } from "./translator.ts";
import {
  COMMAND,
  EVENT,
  type NatWorkerAnswer,
  type NatWorkerMessage,
  type NatWorkerStart,
  SIGNAL,
} from "./worker_protocol.ts";

const HELD_SLOTS = 32;
const RECEIVE_BUFFER_BYTES = 64 * 1024 * 1024;
/** Sessions ended per turn of the loop: bounds how long packets wait for it. */
const EXPIRY_BUDGET = 256;

const scope = self as unknown as DedicatedWorkerGlobalScope;

function answer(message: NatWorkerAnswer): void {
  scope.postMessage(message);
}

class NatWorker implements PacketHandler, TranslatorEvents {
  readonly #signals: Int32Array;
  readonly #counters: Float64Array;
  readonly #events: Ring;
  readonly #commands: Ring;
  readonly #journal: Journal;
  readonly #table: SessionTable;
  readonly #translator: Translator;
  readonly #engine: RawEngine;
  readonly #sockets: ReturnType<typeof openPacketSocket>[];
  #handled = 0;
  #nowMs = 0;

  constructor(start: NatWorkerStart) {
    const { shared } = start;
    this.#signals = new Int32Array(shared.signals);
    this.#counters = new Float64Array(shared.counters);
    this.#events = new Ring(shared.events);
    this.#commands = new Ring(shared.commands);
    this.#journal = new Journal(shared.journal);
    this.#table = new SessionTable(
      viewAt(start.table.address, start.table.lengthBytes),
      start.key,
    );
    const epoch = (this.#table.header[HEADER.hopEpoch]! + 1) % 65535 + 1;
    this.#table.header[HEADER.hopEpoch] = epoch;

    const netlink = new RouteNetlink();
    const monitor = new RouteMonitor();
    const interfaces = start.interfaces.map((name) => hopInterface(netlink, name));
    const hops = new NextHops({ netlink, monitor, interfaces, firstEpoch: epoch });
    this.#nowMs = bootTimeMs();
    this.#translator = new Translator({
      table: this.#table,
      hops,
      events: this,
      config: start.config,
      random: secureRandom(),
      nowMs: this.#nowMs,
    });

    const filter = ingressFilter(destinations(start.config));
    this.#sockets = interfaces.map((link) =>
      openPacketSocket({
        interfaceIndex: link.index,
        protocol: ETH_P_ALL,
        vnetHeader: true,
        ignoreOutgoing: true,
        receiveBufferBytes: RECEIVE_BUFFER_BYTES,
        sendBufferBytes: RECEIVE_BUFFER_BYTES,
        filter,
      })
    );
    const slots = interfaces.length * BATCH;
    const memory = mapAnonymous((slots + HELD_SLOTS) * SLOT_BYTES);
    this.#engine = new RawEngine({
      memory,
      sources: this.#sockets.map((socket, i) =>
        new SocketSource(socket, memory, i * BATCH * SLOT_BYTES)
      ),
      outputs: this.#sockets.map((socket) => socket.fd.number),
      hops,
      handler: this,
      counters: this.#counters,
      heldSlots: Array.from({ length: HELD_SLOTS }, (_, i) => (slots + i) * SLOT_BYTES),
      bell: shared.bell,
      monitorFd: monitor.fd.number,
      interrupted: () => Atomics.load(this.#signals, SIGNAL.posted) !== this.#handled,
      asleep: (sleeping) => {
        Atomics.store(this.#signals, SIGNAL.sleeping, sleeping ? 1 : 0);
      },
    });
  }

  /** Handles one message; false when it was the last. */
  message(message: NatWorkerMessage): boolean {
    this.#handled++;
    switch (message.kind) {
      case "configure":
        this.#translator.configure(message.config);
        for (const socket of this.#sockets) {
          socket.setFilter(ingressFilter(destinations(message.config)));
        }
        break;
      case "eligible":
        this.#translator.setEligible(message.service, message.eligible);
        break;
      case "quit":
        for (const socket of this.#sockets) socket.close();
        return false;
    }
    return true;
  }

  run(): void {
    this.#engine.run();
  }

  handle(packet: Packet, slot: number, nowMs: number): number {
    return this.#translator.handle(packet, needsChecksum(packet.view, slot), nowMs);
  }

  maintain(nowMs: number): void {
    this.#nowMs = nowMs;
    if (!this.#commands.empty) this.#commands.drain(this.#command);
    this.#translator.expire(nowMs, EXPIRY_BUDGET);
  }

  readonly #command = (command: number, slot: number, id: number, value: number): void => {
    if (command === COMMAND.rearm) this.#translator.rearm(slot, id);
    else if (command === COMMAND.saw) this.#translator.agentSaw(slot, id, value, this.#nowMs);
  };

  crossed(slot: number, id: number, reason: number, value: number): boolean {
    return this.#tell(EVENT.crossed + 256 * reason, slot, id, value);
  }

  ended(slot: number, id: number): boolean {
    return this.#tell(EVENT.ended, slot, id, 0);
  }

  opened(slot: number, nowMs: number): void {
    this.#add(COUNTER.sessionsOpened);
    this.#journal.write(JOURNAL_OPENED, 0, this.#table, slot, nowMs);
  }

  closed(slot: number, reason: number, nowMs: number): void {
    this.#add(COUNTER.sessionsClosed);
    this.#journal.write(JOURNAL_CLOSED, reason, this.#table, slot, nowMs);
  }

  #tell(event: number, slot: number, id: number, value: number): boolean {
    const result = this.#events.push(event, slot, id, value);
    if (result === 0) this.#add(COUNTER.ringFull);
    else if (result === 2) answer({ kind: "bell" });
    return result !== 0;
  }

  #add(counter: number): void {
    this.#counters[counter] = this.#counters[counter]! + 1;
  }
}

function hopInterface(netlink: RouteNetlink, name: string): HopInterface {
  const link = netlink.link(name);
  if (link === null) throw new Error(`Cannot use interface "${name}": there is no such interface`);
  return { index: link.index, name, mac: link.address, mtu: link.mtu };
}

function destinations(config: DatapathConfig): Prefix[] {
  return config.destinations.map(({ words, length }) => ({
    address: IpAddress.fromWords(words[0]!, words[1]!, words[2]!, words[3]!),
    length,
  }));
}

let worker: NatWorker | undefined;

scope.onmessage = (event: MessageEvent<NatWorkerStart | NatWorkerMessage>) => {
  try {
    if (event.data.kind === "start") {
      worker = new NatWorker(event.data);
      answer({ kind: "ready" });
    } else if (!worker!.message(event.data)) {
      answer({ kind: "done" });
      scope.close();
      return;
    }
    worker!.run();
  } catch (error) {
    answer({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
};
