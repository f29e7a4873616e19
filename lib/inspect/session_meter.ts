/**
 * How fast sessions are, measured by looking at their table again and again: as numbers by slot, so that
 * a million of them take a moment.
 *
 * @module
 */
import { RateMeter } from "../policy/rate_meter.ts";
import { DIRECT, F64, I32, INSTRUCTION, U16, U8 } from "../session/layout.ts";
import type { SessionRecords } from "../session/session_records.ts";
import { usedSlots } from "../session/session_view.ts";
import { STATE } from "../session/tcp_state.ts";

/** Agents report once a second: what they add comes in steps, which this smooths. */
const SMOOTHING_MS = 2500;

/** Of several sessions together; rates are IP bytes a second. */
export interface Flow {
  sessions: number;
  bypassing: number;
  fromClient: number;
  viaNat: number;
  viaBypass: number;
}

/** What one look found. */
export interface MeterReading {
  readonly total: Flow;
  /** By {@linkcode SessionMeter.serviceKey}. */
  readonly services: ReadonlyMap<number, Flow>;
  /** By VIP's key * 65536 + the server's dictionary entry. */
  readonly servers: ReadonlyMap<number, Flow>;
}

/** Looks at one table. */
export class SessionMeter {
  readonly #records: SessionRecords;
  /** Each meter has two counts a session: responses by path, and what clients sent. */
  readonly #responses: RateMeter;
  readonly #requests: RateMeter;
  readonly #ids: Float64Array;

  constructor(records: SessionRecords) {
    this.#records = records;
    const meter = () =>
      new RateMeter(new ArrayBuffer(RateMeter.bytesFor(records.capacity)), SMOOTHING_MS);
    this.#responses = meter();
    this.#requests = meter();
    this.#ids = new Float64Array(records.capacity + 1);
  }

  /** VIP (a dictionary entry) and protocol in one number. */
  serviceKey(slot: number): number {
    return this.#records.getU16(slot, U16.vip) * 256 + this.#records.getU8(slot, U8.protocol);
  }

  serverKey(slot: number): number {
    return this.serviceKey(slot) * 65536 + this.#records.getU16(slot, U16.server);
  }

  isBypassing(slot: number): boolean {
    return this.#records.getU8(slot, U8.instruction) === INSTRUCTION.installed;
  }

  /** Bytes a second of a session, both directions, both paths. */
  rate(slot: number): number {
    return this.viaNat(slot) + this.viaBypass(slot) + this.fromClient(slot);
  }
  viaNat(slot: number): number {
    return this.#responses.packetRate(slot);
  }
  viaBypass(slot: number): number {
    return this.#responses.byteRate(slot);
  }
  fromClient(slot: number): number {
    return this.#requests.byteRate(slot);
  }

  /** Sessions that live. */
  *slots(): Generator<number> {
    for (const slot of usedSlots(this.#records)) {
      const state = this.#records.getU8(slot, U8.state);
      if (state !== STATE.quarantine && state !== STATE.closed) yield slot;
    }
  }

  /** Looks at all sessions. @param nowMs of a clock that only goes forward */
  look(nowMs: number): MeterReading {
    const records = this.#records;
    const total = noFlow();
    const services = new Map<number, Flow>();
    const servers = new Map<number, Flow>();
    for (const slot of this.slots()) {
      const id = records.getF64(slot, F64.id);
      if (this.#ids[slot] !== id) {
        this.#ids[slot] = id;
        this.#responses.clear(slot);
        this.#requests.clear(slot);
      }
      const hasBypassed = records.getU32(slot, I32.generation) !== 0;
      this.#responses.sample(
        slot,
        nowMs,
        records.getF64(slot, F64.bytesViaNat),
        hasBypassed ? records.getDirect(slot, DIRECT.bytes) : 0,
      );
      this.#requests.sample(slot, nowMs, 0, records.getF64(slot, F64.bytesFromClient));
      this.#add(total, slot);
      this.#add(flowOf(services, this.serviceKey(slot)), slot);
      this.#add(flowOf(servers, this.serverKey(slot)), slot);
    }
    return { total, services, servers };
  }

  #add(flow: Flow, slot: number): void {
    flow.sessions++;
    if (this.isBypassing(slot)) flow.bypassing++;
    flow.fromClient += this.fromClient(slot);
    flow.viaNat += this.viaNat(slot);
    flow.viaBypass += this.viaBypass(slot);
  }
}

export function noFlow(): Flow {
  return { sessions: 0, bypassing: 0, fromClient: 0, viaNat: 0, viaBypass: 0 };
}

function flowOf(flows: Map<number, Flow>, key: number): Flow {
  let flow = flows.get(key);
  if (flow === undefined) flows.set(key, flow = noFlow());
  return flow;
}
