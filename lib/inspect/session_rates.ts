/**
 * How fast sessions are, read out of the mapped table: whoever looks twice knows the rates, and the
 * NAT machine is not asked.
 *
 * @module
 */
import { busiest, type Contender } from "../policy/busiest.ts";
import { DIRECT, F64, INSTRUCTION, U16, U8 } from "../session/layout.ts";
import type { SessionRecords } from "../session/session_records.ts";
import { usedSlots } from "../session/session_view.ts";
import { STATE } from "../session/tcp_state.ts";

/** Agents report every second: shorter than two of them a rate would jump. */
const SMOOTHING_MS = 2000;

/** What was carried since the look before, in bytes. */
export interface Carried {
  fromClient: number;
  viaNat: number;
  viaBypass: number;
}

/** Of the sessions of one server, by its entry in the table's dictionary. */
export interface ServerLoad extends Carried {
  sessions: number;
  bypassing: number;
}

export interface RateScan {
  /** Since the look before; 0: this was the first one, and nothing is known of rates. */
  readonly passedMs: number;
  readonly servers: ReadonlyMap<number, ServerLoad>;
  /** Slots of the busiest sessions with bytes a second in both directions, the busiest first. */
  readonly busiest: readonly Contender[];
}

/** Looks at a table again and again. */
export class SessionRates {
  readonly #records: SessionRecords;
  readonly #id: Float64Array;
  readonly #fromClient: Float64Array;
  readonly #viaNat: Float64Array;
  readonly #viaBypass: Float64Array;
  readonly #rate: Float32Array;
  #lookedMs = 0;

  constructor(records: SessionRecords) {
    this.#records = records;
    const slots = records.capacity + 1;
    this.#id = new Float64Array(slots);
    this.#fromClient = new Float64Array(slots);
    this.#viaNat = new Float64Array(slots);
    this.#viaBypass = new Float64Array(slots);
    this.#rate = new Float32Array(slots);
  }

  /** @param nowMs boot time */
  look(nowMs: number, most: number): RateScan {
    const passedMs = this.#lookedMs === 0 ? 0 : nowMs - this.#lookedMs;
    const servers = new Map<number, ServerLoad>();
    const top = busiest(this.#sessions(passedMs, servers), most);
    this.#lookedMs = nowMs;
    return { passedMs, servers, busiest: top };
  }

  *#sessions(passedMs: number, servers: Map<number, ServerLoad>): Generator<Contender> {
    const records = this.#records;
    for (const slot of usedSlots(records)) {
      const server = records.getU16(slot, U16.server);
      let load = servers.get(server);
      if (load === undefined) {
        load = { fromClient: 0, viaNat: 0, viaBypass: 0, sessions: 0, bypassing: 0 };
        servers.set(server, load);
      }
      const bytes = this.#take(slot, load);
      if (passedMs > 0) {
        const weight = 1 - Math.exp(-passedMs / SMOOTHING_MS);
        this.#rate[slot]! += weight * (bytes * 1000 / passedMs - this.#rate[slot]!);
      }
      const state = records.getU8(slot, U8.state);
      if (state === STATE.quarantine || state === STATE.closed) continue;
      load.sessions++;
      if (records.getU8(slot, U8.instruction) === INSTRUCTION.installed) load.bypassing++;
      yield { slot, rate: this.#rate[slot]! };
    }
  }

  /** Adds what the session in a slot carried since the look before, and returns it. */
  #take(slot: number, load: Carried): number {
    const records = this.#records;
    const id = records.getF64(slot, F64.id);
    const fromClient = records.getF64(slot, F64.bytesFromClient);
    const viaNat = records.getF64(slot, F64.bytesViaNat);
    const viaBypass = records.getDirect(slot, DIRECT.bytes);
    const known = this.#id[slot] === id;
    // One that began since the look before began from nothing; of the others nothing is known.
    const began = !known && records.getF64(slot, F64.createdMs) >= this.#lookedMs;
    let carried = 0;
    if (known || (began && this.#lookedMs > 0)) {
      const up = Math.max(0, fromClient - (known ? this.#fromClient[slot]! : 0));
      const nat = Math.max(0, viaNat - (known ? this.#viaNat[slot]! : 0));
      const bypass = Math.max(0, viaBypass - (known ? this.#viaBypass[slot]! : 0));
      load.fromClient += up;
      load.viaNat += nat;
      load.viaBypass += bypass;
      carried = up + nat + bypass;
    }
    if (!known) this.#rate[slot] = 0;
    this.#id[slot] = id;
    this.#fromClient[slot] = fromClient;
    this.#viaNat[slot] = viaNat;
    this.#viaBypass[slot] = viaBypass;
    return carried;
  }
}
