/**
 * Looks at a NAT machine once a second for all viewers together, as long as there is one. Sessions and
 * what they carry come out of the mapped table; the daemon is asked for what is not in it.
 *
 * @module
 */
import { AdminError } from "../../control/admin_protocol.ts";
import type { NatStatus, ServerView, ServiceView, SessionsAnswer } from "../answers.ts";
import type { Daemon } from "../daemon.ts";
import type { DashboardState, Rates, Sample } from "./dashboard_state.ts";
import { eventText } from "./event_rows.ts";
import { EventTail } from "./event_tail.ts";
import { History, marksOf } from "./history.ts";
import { MOST_SESSIONS } from "./limits.ts";
import { SessionWatch } from "./session_watch.ts";

const EVERY_MS = 1000;
/** A look may take this share of the time, here and with the daemon: large tables are seen less often. */
const SHARE = 1 / 4;
/** The tables of servers and services take going through all sessions: not with every sample. */
const SLOWLY_MS = 2000;

export interface SamplerOptions {
  readonly daemon: Daemon;
  /** Of the daemon, as people know it. */
  readonly socket: string;
  /** Called whenever there is something new. */
  readonly onChange: () => void;
}

/** What is seen of one NAT machine. */
export class Sampler {
  readonly #options: SamplerOptions;
  readonly #history = new History();
  readonly #events: EventTail;
  #table: SessionWatch | null = null;
  #sample: Sample | null = null;
  #trouble: DashboardState["trouble"] = null;
  #slow: { atMs: number; servers: ServerView[]; services: ServiceView[] } | null = null;
  #run: AbortController | null = null;
  #first = Promise.withResolvers<void>();

  constructor(options: SamplerOptions) {
    this.#options = options;
    this.#events = new EventTail(options.daemon, options.onChange);
  }

  get state(): DashboardState {
    const events = this.#events.kept;
    return {
      socket: this.#options.socket,
      trouble: this.#trouble,
      sample: this.#sample,
      history: this.#history.points,
      marks: marksOf(events, eventText),
      events,
    };
  }

  /** Resolves when the first look is over, well or not. */
  get firstLook(): Promise<void> {
    return this.#first.promise;
  }

  /** Begins to look. */
  start(): void {
    if (this.#run !== null) return;
    this.#run = new AbortController();
    this.#goOn(this.#run.signal);
  }

  /** Nobody wants to see any more, until the next `start`. */
  stop(): void {
    this.#run?.abort();
    this.#run = null;
    this.#forget();
    this.#first = Promise.withResolvers();
  }

  async #goOn(stopped: AbortSignal): Promise<void> {
    this.#events.start(stopped);
    while (!stopped.aborted) {
      const began = performance.now();
      await this.#look(stopped);
      if (stopped.aborted) return;
      this.#first.resolve();
      this.#options.onChange();
      const tookMs = performance.now() - began;
      await pause(Math.max(EVERY_MS, tookMs / SHARE) - tookMs, stopped);
    }
  }

  async #look(stopped: AbortSignal): Promise<void> {
    try {
      const status = await this.#options.daemon.ask<NatStatus>({ verb: "status" });
      if (status.role !== "nat") throw new AdminError("an agent answers there, no NAT machine");
      if (!status.ready) throw new AdminError("it does not translate yet");
      const tables = await this.#slowTables();
      const answer = this.#table?.isCurrent === true && !this.#hasRestarted(status)
        ? null
        : await this.#options.daemon.ask<SessionsAnswer>({ verb: "sessions" });
      // Between two awaits nobody else disposes of the table.
      if (!stopped.aborted) this.#take(status, tables, answer);
    } catch (error) {
      if (stopped.aborted) return;
      this.#forget();
      const why = error instanceof Error ? error.message : String(error);
      this.#trouble = { why, sinceMs: this.#trouble?.sinceMs ?? Date.now() };
    }
  }

  #take(
    status: NatStatus,
    { servers, services }: { servers: ServerView[]; services: ServiceView[] },
    answer: SessionsAnswer | null,
  ): void {
    if (answer !== null) {
      this.#table?.[Symbol.dispose]();
      this.#table = new SessionWatch(answer);
      this.#history.interrupt();
    }
    const { isRated, rates, sessions } = this.#table!.look(MOST_SESSIONS);
    const atMs = Date.now();
    if (isRated) this.#history.add(atMs, rates);
    const before = this.#hasRestarted(status) ? null : this.#sample?.status ?? null;
    this.#trouble = null;
    this.#sample = {
      atMs,
      status,
      servers,
      services,
      rates,
      sessions,
      drops: dropRates(before, status),
      busy: busyShare(before, status),
    };
  }

  #hasRestarted({ uptimeMs }: NatStatus): boolean {
    return uptimeMs < (this.#sample?.status.uptimeMs ?? 0);
  }

  async #slowTables() {
    const now = performance.now();
    if (this.#slow === null || now - this.#slow.atMs >= SLOWLY_MS) {
      const { daemon } = this.#options;
      const servers = await daemon.ask<ServerView[]>({ verb: "servers" });
      const services = await daemon.ask<ServiceView[]>({ verb: "services" });
      this.#slow = { atMs: now, servers, services };
    }
    return this.#slow;
  }

  #forget(): void {
    this.#table?.[Symbol.dispose]();
    this.#table = null;
    this.#slow = null;
    this.#history.interrupt();
  }
}

/** Packets a second, by reason; those of malformed ones by what is wrong with them. */
function dropRates(before: NatStatus | null, now: NatStatus): Rates {
  const seconds = before === null ? 0 : (now.uptimeMs - before.uptimeMs) / 1000;
  if (before === null || seconds <= 0) return new Map();
  const rates = (
    earlier: Readonly<Record<string, number>>,
    later: Readonly<Record<string, number>>,
  ) =>
    Object.entries(later).map(([name, count]) =>
      [name, Math.max(0, count - (earlier[name] ?? 0)) / seconds] as const
    );
  return new Map([
    ...rates(before.malformed ?? {}, now.malformed ?? {}),
    ...rates(before.packets.dropped, now.packets.dropped),
  ]);
}

function busyShare(before: NatStatus | null, { uptimeMs, worker }: NatStatus): number | null {
  if (before?.worker === undefined || worker === undefined) return null;
  const passedMs = uptimeMs - before.uptimeMs;
  if (passedMs <= 0) return null;
  return Math.min(1, (worker.busyMs - before.worker.busyMs) / passedMs);
}

function pause(ms: number, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    stopped.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
