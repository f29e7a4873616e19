import { LATENCY_BOUNDS } from "../metrics/histogram.ts";
import { Histograms, Tally } from "../metrics/tally.ts";
import { reasonKey } from "../session/path_reason.ts";

/** When an instruction that has not been acknowledged yet was wanted, and sent; boot time in ms. */
interface Awaited {
  readonly crossedMs: number;
  readonly sentMs: number;
}

/** Counts what became of sessions that met the start criteria: few things a session, none a packet. */
export class BypassTally {
  readonly sent = new Tally("service");
  readonly installed = new Tally("service");
  readonly stopped = new Tally("service", "reason");
  readonly declined = new Tally("service", "reason");
  /** From the packet that met the criteria to the agent's word that it translates. */
  readonly start = new Histograms(LATENCY_BOUNDS, "service");
  /** From sending an instruction to the agent's word. */
  readonly roundTrip = new Histograms(LATENCY_BOUNDS, "agent");
  /** What agents carried past this machine. */
  readonly packets = new Tally("service");
  readonly bytes = new Tally("service");
  /** Sessions that bypass, by service, as of the last second. */
  bypassing: ReadonlyMap<string, number> = new Map();
  /** By slot. */
  readonly #awaited = new Map<number, Awaited>();

  noteSent(slot: number, service: string, awaited: Awaited): void {
    this.sent.add(1, service);
    this.#awaited.set(slot, awaited);
  }

  noteInstalled(slot: number, service: string, { agent, nowMs }: { agent: string; nowMs: number }) {
    this.installed.add(1, service);
    const awaited = this.#awaited.get(slot);
    // Restored, or sent again after a reconnect.
    if (awaited === undefined) return;
    this.#awaited.delete(slot);
    this.start.observe(Math.max(0, nowMs - awaited.crossedMs) / 1000, service);
    this.roundTrip.observe(Math.max(0, nowMs - awaited.sentMs) / 1000, agent);
  }

  noteStopped(slot: number, service: string, reason: number): void {
    this.stopped.add(1, service, reasonKey(reason));
    this.#awaited.delete(slot);
  }

  noteDeclined(service: string, reason: number): void {
    this.declined.add(1, service, reasonKey(reason));
  }

  noteCarried(service: string, packets: number, bytes: number): void {
    this.packets.add(packets, service);
    this.bytes.add(bytes, service);
  }
}
