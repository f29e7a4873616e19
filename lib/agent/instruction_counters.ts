/**
 * What an agent's instructions counted, on its way into reports.
 *
 * @module
 */

import { BATCH_ENTRIES, type Counters, type ReportEntry } from "../control/messages.ts";
import type { Held, Peer } from "./instruction_held.ts";

/** Where the datapath keeps its counters; by the id of an instruction. */
export interface CounterSource {
  packets(id: number): number;
  counters(id: number): Counters;
}

/** Takes over what was counted until now, to go out with the next report. */
export function takeCounters(held: Held, counters: Counters, now: number): void {
  held.counters = counters;
  held.countedMs = now;
  if (held.changed) return;
  held.changed = true;
  held.peer.changed.push(held);
}

/** The entries of the reports that a NAT machine gets: an empty one when nothing has changed. */
export function takeChanged(peer: Peer, now: number): ReportEntry[][] {
  const batches: ReportEntry[][] = [[]];
  for (const held of peer.changed) {
    // Gone since: its last counters went out with that.
    if (!held.changed) continue;
    held.changed = false;
    if (batches.at(-1)!.length === BATCH_ENTRIES) batches.push([]);
    batches.at(-1)!.push(entryOf(held, now));
  }
  peer.changed = [];
  return batches;
}

/** Written out, because this is done for every instruction in use every second. */
function entryOf({ text, counters, countedMs }: Held, now: number): ReportEntry {
  const { packets, bytes, idleMs, fin, rst, sequence, resent = 0, resentAgain = 0 } = counters;
  const entry: ReportEntry = {
    session: text.session,
    generation: text.generation,
    packets,
    bytes,
    idleMs: packets === 0 ? 0 : Math.round(Math.max(0, idleMs + now - countedMs)),
    fin,
    rst,
    sequence,
  };
  if (resent > 0) entry.resent = resent;
  if (resentAgain > 0) entry.resentAgain = resentAgain;
  return entry;
}
