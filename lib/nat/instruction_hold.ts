/**
 * What must wait after a session table was lost. Pure.
 *
 * Agents may still follow the lost table. A NAT endpoint towards a server could be one that such an instruction
 * matches, so none is given out before the server's agent has connected (it lets go of the old ones before it says
 * anything) or its lease must have run out. And a packet of an unknown session may belong to one that an agent is about
 * to report: it is dropped in silence until then, since a reset would end what can still be saved.
 *
 * Sessions that did not bypass are known to nobody. Of a server that still sends to one of them, TCP refuses what
 * reaches the NAT endpoint's next client by its numbers; datagrams nothing refuses. All endpoints of UDP therefore rest
 * as after any session's end.
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
  /** For how long the NAT endpoint of a session that is over rests. */
  readonly quarantineMs: number;
}

/** For how long what must wait, in milliseconds. */
export interface HoldTimes {
  /** At most: NAT endpoints towards a server. */
  readonly endpointsMs: number;
  /** NAT endpoints of UDP besides. */
  readonly datagramsMs: number;
  /** At most: answers to packets of unknown sessions. */
  readonly silenceMs: number;
}

/** A host that has been up for less may be one that was restarted, its files with it. */
const JUST_UP_MS = 60_000;

/** Of a damaged file nothing longer is believed than the longest lease. */
const LONGEST_MS = 3_601_000;

/** A host that was restarted has not sent anything since before it was up. */
export function holdTimes(loss: TableLoss): HoldTimes {
  const { isLost, isRestarted, uptimeMs, leaseMs, quarantineMs } = loss;
  const isJustUp = uptimeMs < JUST_UP_MS;
  const remaining = (ms: number) => isLost && !isRestarted ? ms : Math.max(0, ms - uptimeMs);
  return {
    endpointsMs: remaining(leaseMs),
    datagramsMs: remaining(quarantineMs),
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
  times: HoldTimes | null,
  now: number,
): HoldTimes {
  if (times === null) {
    const left = (at: number) => Math.min(LONGEST_MS, Math.max(0, headerF64[at]! - now)) || 0;
    const endpointsMs = left(HEADER_F64.holdUntilMs);
    const datagramsMs = left(HEADER_F64.datagramsFromMs);
    return { endpointsMs, datagramsMs, silenceMs: endpointsMs };
  }
  headerF64[HEADER_F64.holdUntilMs] = now + times.endpointsMs;
  headerF64[HEADER_F64.datagramsFromMs] = now + times.datagramsMs;
  return times;
}

/** Which servers may have new sessions since. All times in milliseconds of one clock. */
export class EndpointHold {
  readonly #endpointsFromMs: number;
  readonly #datagramsFromMs: number;
  readonly #silentUntilMs: number;
  /** Server addresses whose agents have connected. */
  readonly #heardOf = new Set<string>();

  constructor(options: HoldTimes & { readonly now: number }) {
    this.#endpointsFromMs = options.now + options.endpointsMs;
    this.#datagramsFromMs = options.now + options.datagramsMs;
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

  /** May NAT endpoints of UDP be given out, where `allows` allows them? */
  allowsDatagrams(now: number): boolean {
    return now >= this.#datagramsFromMs;
  }

  /** Until when packets of unknown sessions go unanswered, given all servers; 0: not any more. */
  silentUntilMs(addresses: readonly string[], now: number): number {
    if (now >= this.#silentUntilMs) return 0;
    return addresses.every((address) => this.#heardOf.has(address)) ? 0 : this.#silentUntilMs;
  }
}
