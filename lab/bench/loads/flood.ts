import type { BypathLab } from "../../bypath_lab.ts";
import type { SessionRunResult } from "../../traffic/session_run.ts";
import { LOAD } from "./datagrams.ts";

/** At once: so that the network in between is not the limit of one. */
const SENDERS = 2;

export interface Flood {
  /** What each of the senders has sent, and what the server got of it. */
  results(): Promise<SessionRunResult[]>;
}

export interface FloodOptions {
  readonly host: string;
  /** Datagrams in all, each of a client of its own. */
  readonly count: number;
  /** Datagrams a second; Infinity: as many as can be sent. */
  readonly rate: number;
  /** When it begins, by the wall clock in milliseconds; default: at once. */
  readonly at?: number;
  /** When senders that are slow give up; default: never. */
  readonly mostMs?: number;
}

/** New sessions and nothing else: one datagram each, without an answer. Settles when all are sending. */
export async function startFlood(
  lab: BypathLab,
  { host, count, rate, at = 0, mostMs = Infinity }: FloodOptions,
): Promise<Flood> {
  const each = Math.ceil(count / SENDERS);
  const pace = Number.isFinite(rate) ? Math.ceil(rate / SENDERS) : 1e9;
  const senders = Array.from({ length: SENDERS }, (_, i) =>
    lab.startTraffic(
      ...["client", "session-run", `${host}:${LOAD.port}`, "--silent"] as const,
      ...["--clients", `${each}`, "--count", `${each}`, "--skip", `${i * each}`],
      ...["--rate", `${pace}`, "--at", `${at}`, "--most-ms", `${mostMs}`],
    ));
  for (const sender of senders) {
    await sender.waitForLine((line) => line.includes('"event":"sending"'));
  }
  return {
    results: () =>
      Promise.all(
        senders.map(async (sender) =>
          JSON.parse((await sender.finish(60_000)).at(-1)!) as SessionRunResult
        ),
      ),
  };
}
