/**
 * What must wait after a session table was lost. Pure.
 *
 * Agents may still follow the lost table. A NAT endpoint towards a server could be one that such an instruction
 * matches, so none is given out before the server's agent has connected (it lets go of the old ones before it says
 * anything) or its lease must have run out. And a packet of an unknown session may belong to one that an agent is about
 * to report: it is dropped in silence until then, since a reset would end what can still be saved.
 *
 * @module
 */

import { HEADER_F64 } from "../session/layout.ts";

/** How the table came to be new, as far as can be told. */
export interface TableLoss {
  /** An earlier process left signs of itself: its lock, its routes, or a table that cannot be gone on with. */
  readonly isLost: boolean;
  /** How long this host has been up. What agents were granted was granted before it went down. */
  readonly uptimeMs: number;
  /** Whether the host was restarted since the table was written, or could have been. */
  readonly isRestarted: boolean;
  /** Lease and margin; 0: there are no agents. */
  readonly leaseMs: number;
}

/** A host that has been up for less may be one that was restarted, its files with it. */
const JUST_UP_MS = 60_000;

/** Of a damaged file nothing longer is believed than the longest lease. */
const LONGEST_MS = 3_601_000;

/** For how long endpoints are held back at most, and for how long unknown packets go unanswered. */
export function holdTimes({ isLost, isRestarted, uptimeMs, leaseMs }: TableLoss): {
  endpointsMs: number;
  silenceMs: number;
} {
  const isJustUp = uptimeMs < JUST_UP_MS;
  const remainingMs = Math.max(0, leaseMs - uptimeMs);
  return {
    endpointsMs: isLost && !isRestarted ? leaseMs : remainingMs,
    silenceMs: isLost || isJustUp ? leaseMs : 0,
  };
}

/**
 * The same for a process that goes on with a table: what its predecessors had to wait for is not over
 * because they ended. Remembers in the table's header until when that is.
 * @param times null: the table is continued
 */
export function rememberHold(
  headerF64: Float64Array,
  times: { readonly endpointsMs: number; readonly silenceMs: number } | null,
  now: number,
): { endpointsMs: number; silenceMs: number } {
  if (times === null) {
    const leftMs = Math.min(LONGEST_MS, Math.max(0, headerF64[HEADER_F64.holdUntilMs]! - now)) || 0;
    return { endpointsMs: leftMs, silenceMs: leftMs };
  }
  headerF64[HEADER_F64.holdUntilMs] = now + times.endpointsMs;
  return { ...times };
}

/** Which servers may have new sessions since. All times in milliseconds of one clock. */
export class EndpointHold {
  readonly #endpointsFromMs: number;
  readonly #silentUntilMs: number;
  /** Server addresses whose agents have connected. */
  readonly #heardOf = new Set<string>();

  constructor(options: { endpointsMs: number; silenceMs: number; now: number }) {
    this.#endpointsFromMs = options.now + options.endpointsMs;
    this.#silentUntilMs = options.now + options.silenceMs;
  }

  /** An agent has connected and said what it holds: its servers wait no longer. */
  heardFrom(addresses: readonly string[]): void {
    for (const address of addresses) this.#heardOf.add(address);
  }

  /** May NAT endpoints towards a server at this address be given out? */
  allows(address: string, now: number): boolean {
    return now >= this.#endpointsFromMs || this.#heardOf.has(address);
  }

  /** Until when packets of unknown sessions go unanswered, given all servers; 0: not any more. */
  silentUntilMs(addresses: readonly string[], now: number): number {
    if (now >= this.#silentUntilMs) return 0;
    return addresses.every((address) => this.#heardOf.has(address)) ? 0 : this.#silentUntilMs;
  }
}
