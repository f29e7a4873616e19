import { PacketExchange } from "../datapath/packet_exchange.ts";
import type { Mapping } from "../linux/memory.ts";
import { IpIdentifications } from "../session/ip_identification.ts";
import { RECORD_BYTES, U16, U8 } from "../session/layout.ts";
import { portsOfOthers } from "../session/port_pool.ts";
import type { SessionTable, TablePart } from "../session/session_table.ts";
import { STATE } from "../session/tcp_state.ts";
import type { DatapathConfig } from "./datapath_config.ts";
import { ForeignSessions } from "./foreign_sessions.ts";
import { PacketDirector, type PacketDirectorOptions } from "./packet_director.ts";
import { Steering } from "./steering.ts";
import type { WorkerSharing } from "./worker_protocol.ts";

export interface WorkerShareOptions {
  readonly part: TablePart;
  readonly sharing: WorkerSharing;
  readonly table: SessionTable;
  /** Where packets from other workers lie, as of PacketExchange. */
  readonly memory: Mapping;
  readonly memoryOffset: number;
  readonly counters: Float64Array;
  /** Two random words. */
  readonly key: readonly [number, number];
  readonly linkOf: PacketDirectorOptions["linkOf"];
  readonly translate: PacketDirectorOptions["translate"];
}

/** Everything that one of several packet workers has to do with the others. */
export class WorkerShare {
  readonly exchange: PacketExchange;
  readonly director: PacketDirector;
  readonly withheldPorts: Int32Array;
  readonly identifications: IpIdentifications;
  readonly #table: SessionTable;
  readonly #foreign: ForeignSessions;
  readonly #natAddresses: Uint8Array;

  constructor(options: WorkerShareOptions) {
    const { part, sharing, table, counters, key, linkOf, translate } = options;
    const steering = new Steering(sharing.steering);
    this.#table = table;
    this.#natAddresses = new Uint8Array(sharing.natAddresses);
    this.#foreign = new ForeignSessions(table, steering, key);
    this.withheldPorts = portsOfOthers(part.worker, part.workers);
    this.identifications = new IpIdentifications(sharing.identificationKey, part);
    this.exchange = new PacketExchange({ ...sharing, ...options, worker: part.worker });
    this.director = new PacketDirector({
      worker: part.worker,
      steering,
      table,
      exchange: this.exchange,
      foreign: this.#foreign,
      counters,
      key,
      isNatAddress: (words, offset) =>
        this.#natAddresses[table.findEndpoint(words, offset, 0)] === 1,
      linkOf,
      translate,
    });
  }

  /** Takes note of the sessions that stand in the table. */
  adopt(): void {
    const table = this.#table;
    const slots: number[] = [];
    for (let slot = 1; slot <= table.highWater; slot++) {
      if (table.getU8(slot, U8.state) === STATE.free) continue;
      this.#natAddresses[table.getU16(slot, U16.natAddress)] = 1;
      if (this.#foreign.isForeign(slot)) slots.push(slot);
    }
    this.#foreign.add(slots);
  }

  /** Slots of sessions that stand in the table and whose clients' packets come to another worker. */
  foreignSlots(): number[] {
    const slots: number[] = [];
    for (let slot = 1; slot <= this.#table.highWater; slot++) {
      if (this.#foreign.isForeign(slot)) slots.push(slot);
    }
    return slots;
  }

  /** Takes note of such sessions, except where the client has begun another one here meanwhile. */
  addForeign(slots: readonly number[]): void {
    const table = this.#table;
    this.#foreign.add(slots.filter((slot) => {
      const own = table.findInbound(
        table.i32,
        slot * (RECORD_BYTES / 4),
        table.getU16(slot, U16.clientPort),
        table.getU16(slot, U16.vip),
        table.getU8(slot, U8.protocol),
      );
      return own === 0 || own === slot;
    }));
  }

  /** Knows the SNAT addresses of a configuration, which stand in the table's dictionary, and all before. */
  configure({ snat }: DatapathConfig): void {
    const known = this.#natAddresses;
    for (const words of snat) known[this.#table.findEndpoint(Int32Array.from(words), 0, 0)] = 1;
    // What is not in the dictionary.
    known[0] = 0;
  }
}
