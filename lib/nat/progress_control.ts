import type { NatConfig } from "../config/nat_config.ts";
import { type Judgement, type ProgressSample, ProgressWatch } from "../policy/progress.ts";
import { F64, FLAG, I32, INSTRUCTION, U16, U8 } from "../session/layout.ts";
import { REASON, reasonText } from "../session/path_reason.ts";
import type { SessionRecords } from "../session/session_records.ts";
import { SessionViewer } from "../session/session_view.ts";
import { STATE } from "../session/tcp_state.ts";
import { PROTOCOL_TCP } from "../wire/protocol.ts";
import type { StopOptions } from "./bypass_control.ts";
import type { Objection } from "./obstacles.ts";
import { clientsOf, type DirectPath, DirectPaths, type PathNews } from "./direct_paths.ts";
import type { BookCounters, BookEvent, InstructionView } from "./instruction_book.ts";
import {
  type Aftermath,
  type Finding,
  type StoppedSession,
  StoppedSessions,
} from "./stopped_sessions.ts";

/** What carrying out its judgements needs. */
export interface ProgressTools {
  readonly records: SessionRecords;
  /** As BypassControl's. */
  stopSession(slot: number, reason: number, value: number, options: StopOptions): void;
  /** Direct packets of a server (its address) arrive again: the criteria decide anew. */
  able(server: string): void;
  /** Every instruction that has not ended. */
  instructions(): Iterable<InstructionView>;
  event(type: string, details: Record<string, string | number>): void;
  /** Boot time, ms. */
  now(): number;
}

/** A session that bypasses. */
interface Watched {
  readonly id: number;
  readonly path: DirectPath;
  readonly sinceMs: number;
  /** TCP. */
  readonly watch: ProgressWatch | null;
  counters: BookCounters;
}

/** UDP has no acknowledgements: a trial that meets no error for so long has succeeded. */
const QUIET_MS = 5_000;
/** A process that did not get to its tasks for so long was stopped, or its host was. */
const AWAY_MS = 1_500;
const CATCHING_UP_MS = 2_000;
/** A session that bypassed so long before it failed begins its pauses anew. */
const FORGIVEN_MS = 60_000;

/**
 * Watches whether what bypasses arrives, and draws the consequences: stops a session that makes no
 * progress, has it tried again after a growing pause, and keeps others off a path on which several
 * failed. Agents' reports, acknowledgements in the session table and ICMP errors are what it sees.
 */
export class ProgressControl {
  readonly paths: DirectPaths;
  readonly #tools: ProgressTools;
  readonly #records: SessionRecords;
  readonly #viewer: SessionViewer;
  /** By slot. */
  readonly #watched = new Map<number, Watched>();
  /** Slots that are looked at ten times a second. */
  readonly #suspects = new Set<number>();
  readonly #stopped = new StoppedSessions();
  /** Before the first tick this process was away as well: it may have been restarted with a table. */
  #tickedMs = -Infinity;
  /** Until then reports and acknowledgements of a time in which this process stood still come in. */
  #catchingUpMs = -Infinity;

  constructor(tools: ProgressTools) {
    this.#tools = tools;
    this.#records = tools.records;
    this.#viewer = new SessionViewer(tools.records);
    this.paths = new DirectPaths((news) => this.#pathNews(news));
  }

  /** Speaks against a bypass by a path on which others failed. */
  readonly obstacle = (slot: number): Objection | null => {
    const user = { session: String(this.#id(slot)), isTcp: this.#isTcp(slot) };
    const refusal = this.paths.admit(this.#path(slot), user, this.#tools.now());
    if (refusal === null) return null;
    return { reason: REASON.pathUnable, value: refusal.failures, retryMs: refusal.retryMs };
  };

  /** Another configuration is in force. */
  configure({ services }: NatConfig): void {
    const servers = new Set(
      services.flatMap((it) => it.servers.map(({ address }) => String(address.address))),
    );
    this.paths.keep((server) => servers.has(server));
  }

  /** The book: something about an instruction changed. To be told before the slot may be let go. */
  changed(event: BookEvent): void {
    const slot = event.tag;
    if (event.kind === "ended") return this.#ended(slot);
    if (event.kind === "installed") this.#begin(slot, event.counters);
    else this.#look(slot, event.counters);
  }

  /** The worker: a router could not deliver a packet of the session. */
  undelivered(slot: number, id: number, why: number): void {
    const now = this.#tools.now();
    if (this.#id(slot) !== id) return;
    this.#stopped.undelivered(slot, now);
    const watched = this.#of(slot);
    if (watched === undefined) return;
    if (watched.watch === null) return this.#stop(slot, watched, REASON.undelivered, why);
    watched.watch.reported(now);
    this.#look(slot, watched.counters);
  }

  /** To be called ten times a second. */
  tick(): void {
    const now = this.#tools.now();
    if (now - this.#tickedMs > AWAY_MS) this.#catchingUpMs = now + CATCHING_UP_MS;
    this.#tickedMs = now;
    for (const slot of this.#suspects) {
      const watched = this.#of(slot);
      if (watched === undefined) this.#suspects.delete(slot);
      else this.#look(slot, watched.counters);
    }
    const look = (slot: number, id: number) => this.#id(slot) === id ? this.#aftermath(slot) : null;
    const found = (session: StoppedSession, finding: Finding) => this.#found(session, finding);
    this.#stopped.check(look, found, now);
  }

  /** To be called once a second: looks at every session that bypasses. */
  lookAtAll(): void {
    const now = this.#tools.now();
    for (const { tag: slot, state, counters } of this.#tools.instructions()) {
      if (state !== "installed") continue;
      this.#look(slot, counters);
      const watched = this.#of(slot);
      // Nothing speaks against it.
      if (watched?.watch === null && counters.packets > 0 && now - watched.sinceMs >= QUIET_MS) {
        this.paths.quiet(watched.path, String(watched.id), now);
      }
    }
  }

  #begin(slot: number, counters: BookCounters): Watched {
    const now = this.#tools.now();
    const watched = {
      id: this.#id(slot),
      path: this.#path(slot),
      sinceMs: now,
      watch: this.#isTcp(slot) ? new ProgressWatch(this.#sample(slot, counters), now) : null,
      counters,
    };
    this.#watched.set(slot, watched);
    return watched;
  }

  #look(slot: number, counters: BookCounters): void {
    if (this.#records.getU8(slot, U8.instruction) !== INSTRUCTION.installed) return;
    // Restored from an earlier process, it was never said to be installed.
    const watched = this.#of(slot) ?? this.#begin(slot, counters);
    watched.counters = counters;
    const { watch } = watched;
    if (watch === null || this.#records.getU8(slot, U8.state) >= STATE.closed) return;
    const now = this.#tools.now();
    const sample = this.#sample(slot, counters);
    if (now < this.#catchingUpMs || now - this.#tickedMs > AWAY_MS) {
      return watch.resume(sample, now);
    }
    const judgement = watch.observe(sample, now);
    if (judgement === "suspect") this.#suspects.add(slot);
    else this.#suspects.delete(slot);
    this.#follow(slot, watched, judgement);
  }

  #follow(slot: number, watched: Watched, judgement: Judgement): void {
    const now = this.#tools.now();
    switch (judgement) {
      case "proven":
        if (now - watched.sinceMs >= FORGIVEN_MS) this.#stopped.forgive(watched.id);
        return this.paths.success(watched.path, now);
      case "stalled":
      case "unheard": {
        const stillMs = Math.round(watched.watch!.stillMs(now));
        return this.#stop(slot, watched, REASON.noProgress, stillMs);
      }
      case "lossy":
        return this.#stop(slot, watched, REASON.lossy, 0);
    }
  }

  #stop(slot: number, watched: Watched, reason: number, value: number): void {
    const now = this.#tools.now();
    this.#suspects.delete(slot);
    const notBeforeMs = this.#stopped.add(slot, {
      id: watched.id,
      path: watched.path,
      isTcp: watched.watch !== null,
      counts: reason !== REASON.lossy,
      stoppedMs: now,
      then: this.#aftermath(slot),
    });
    this.#tools.stopSession(slot, reason, value, { rearm: true, notBeforeMs });
    // Loss may be everywhere on the way to a client; that it is total seldom is.
    if (reason !== REASON.lossy) {
      this.paths.failure(watched.path, {
        why: reasonText(reason, value),
        isTcp: watched.watch !== null,
      }, now);
    }
  }

  #ended(slot: number): void {
    const id = this.#id(slot);
    this.#watched.delete(slot);
    this.#suspects.delete(slot);
    if (!this.#stopped.isOpen(slot, id)) this.paths.withdraw(this.#path(slot), String(id));
  }

  #found({ id, path, counts }: StoppedSession, finding: Finding): void {
    const now = this.#tools.now();
    if (finding === "arrived") this.paths.success(path, now);
    else if (finding === "unclear" && counts) this.paths.retract(path, now);
    this.paths.withdraw(path, String(id));
  }

  #pathNews({ event, server, clients, details }: PathNews): void {
    this.#tools.event(event, {
      server,
      ...(clients !== null && { clients }),
      ...details,
    });
    if (event === "path-able") this.#tools.able(server);
    if (event !== "path-unable") return;
    // What goes that way now would have to find out by itself.
    for (const [slot, { path }] of this.#watched) {
      if (path.server !== server || (clients !== null && path.clients !== clients)) continue;
      this.#tools.stopSession(slot, REASON.pathUnable, Number(details.failures), { rearm: true });
    }
  }

  /** What is watched in a slot, as long as it is about the session that is there now. */
  #of(slot: number): Watched | undefined {
    const watched = this.#watched.get(slot);
    return watched?.id === this.#id(slot) ? watched : undefined;
  }

  #sample(slot: number, counters: BookCounters): ProgressSample {
    const records = this.#records;
    const { sequence, packets, bytes, resent, resentAgain } = counters;
    return {
      acknowledgement: records.getI32(slot, I32.clientAcknowledgement),
      zeroWindow: (records.getU8(slot, U8.flags) & FLAG.zeroWindow) !== 0,
      clientSequence: records.getI32(slot, I32.clientSequence),
      clientResent: records.getU8(slot, U8.clientResent),
      natSequence: records.getI32(slot, I32.natSequence),
      sequence: sequence === null ? null : sequence | 0,
      packets,
      bytes,
      resent,
      resentAgain,
    };
  }

  #aftermath(slot: number): Aftermath {
    const records = this.#records;
    return {
      acknowledgement: records.getI32(slot, I32.clientAcknowledgement),
      natSequence: records.getI32(slot, I32.natSequence),
      clientSequence: records.getI32(slot, I32.clientSequence),
      packetsViaNat: records.getF64(slot, F64.packetsViaNat),
    };
  }

  #id(slot: number): number {
    return this.#records.getF64(slot, F64.id);
  }

  #isTcp(slot: number): boolean {
    return this.#records.getU8(slot, U8.protocol) === PROTOCOL_TCP;
  }

  #path(slot: number): DirectPath {
    return {
      server: this.#viewer.addressText(this.#records.getU16(slot, U16.server)),
      clients: clientsOf(this.#viewer.client(slot).address),
    };
  }
}
