import { CROSSED, crossed, MEASURE, MEASURES, type StartCriteria } from "../policy/criteria.ts";
import { RateMeter } from "../policy/rate_meter.ts";
import { F64 } from "../session/layout.ts";
import type { SessionTable } from "../session/session_table.ts";

export interface StartWatchOptions {
  /** By service: other than 0 while its sessions must not start to bypass. Written by others. */
  readonly closedGates?: Uint8Array;
  /** Where the rates of sessions are measured; absent: kept for itself. */
  readonly rates?: RateMeter;
}

/** Measures sessions and compares them with their service's start criteria. Allocates nothing per packet. */
export class StartWatch {
  readonly #table: SessionTable;
  readonly #closedGates: Uint8Array;
  readonly #rates: RateMeter;
  /** Of the session that is being looked at. */
  readonly #measured = new Float64Array(MEASURES);

  constructor(table: SessionTable, options: StartWatchOptions) {
    this.#table = table;
    this.#closedGates = options.closedGates ?? new Uint8Array(0);
    this.#rates = options.rates ??
      new RateMeter(new ArrayBuffer(RateMeter.bytesFor(table.capacity)));
  }

  /** A session begins in this slot. */
  begin(slot: number, criteria: StartCriteria): void {
    if (criteria.metered) this.#rates.clear(slot);
  }

  /** Which criterion the responses that passed via NAT meet: one of CROSSED. */
  look(
    slot: number,
    service: number,
    criteria: StartCriteria,
    packets: number,
    bytes: number,
    nowMs: number,
  ): number {
    const measured = this.#measured;
    measured[MEASURE.packets] = packets;
    measured[MEASURE.bytes] = bytes;
    measured[MEASURE.ageMs] = nowMs - this.#table.getF64(slot, F64.createdMs);
    if (criteria.metered) {
      const rates = this.#rates;
      rates.sample(slot, nowMs, packets, bytes);
      measured[MEASURE.byteRate] = rates.byteRate(slot);
      measured[MEASURE.packetRate] = rates.packetRate(slot);
    }
    // A gate that opens lets the session through with its next packet.
    return this.#closedGates[service]! > 0 ? CROSSED.none : crossed(criteria, measured);
  }
}
