import type { EventLog } from "../control/event_log.ts";
import { TokenBucket } from "../policy/token_bucket.ts";

/** Of one kind about one agent: so many at once, and then one every ten seconds. */
const LIMIT = { perSecond: 0.1, burst: 20 } as const;
/** Whoever has more names than this has an authority of his own. */
const MAX_KEYS = 4096;
/** Addresses of nobody that are told apart: so many at once, and then one every ten seconds. */
const STRANGERS = { perSecond: 0.1, burst: 50 } as const;

type Details = Record<string, string | number | boolean | null>;

interface Kind {
  readonly bucket: TokenBucket;
  untold: number;
}

/**
 * What agents do, told to the event log. One that does the same again and again is told of now and
 * then, with how often it was not told, lest it drive everything else out of the log.
 */
export class AgentEvents {
  readonly #events: EventLog;
  readonly #now: () => number;
  readonly #kinds = new Map<string, Kind>();
  readonly #strangers: TokenBucket;
  /** Connections that came to nothing, and how often an agent spent its share, since the start. */
  readonly counts = { refused: 0, heldBack: 0 };

  /** @param now milliseconds of a clock that only goes forward */
  constructor(events: EventLog, now: () => number) {
    this.#events = events;
    this.#now = now;
    this.#strangers = new TokenBucket({ ...STRANGERS, nowMs: now() });
  }

  /** Connected, lost, able, unable. */
  add(type: string, agent: string, details: Details = {}): void {
    this.#tell(type, agent, { agent, ...details });
  }

  /** A connection came to nothing; `name` when its certificate was accepted. */
  refused({ from, name, reason }: { from: string; name: string | null; reason: string }): void {
    this.counts.refused++;
    const who = name ?? this.#stranger(from.slice(0, from.lastIndexOf(":")));
    this.#tell("agent-refused", who, { from, agent: name, reason });
  }

  /** An agent sends more than its share of the main thread's time. */
  heldBack(agent: string): void {
    this.counts.heldBack++;
    this.#tell("agent-held-back", agent, { agent, reason: "it sends more than can be read" });
  }

  /** Who has a network has addresses without number: those beyond some are one. */
  #stranger(host: string): string {
    if (this.#kinds.has(`agent-refused ${host}`)) return host;
    if (this.#strangers.isEmpty(this.#now())) return "any other";
    this.#strangers.spend(1);
    return host;
  }

  #tell(type: string, who: string, details: Details): void {
    const nowMs = this.#now();
    const kind = this.#kind(`${type} ${who}`, nowMs);
    if (kind.bucket.isEmpty(nowMs)) {
      kind.untold++;
      return;
    }
    kind.bucket.spend(1);
    this.#events.add(type, kind.untold === 0 ? details : { ...details, untold: kind.untold });
    kind.untold = 0;
  }

  #kind(key: string, nowMs: number): Kind {
    const known = this.#kinds.get(key);
    if (known !== undefined) return known;
    if (this.#kinds.size >= MAX_KEYS) {
      const [oldest] = this.#kinds.keys();
      this.#kinds.delete(oldest!);
    }
    const kind = { bucket: new TokenBucket({ ...LIMIT, nowMs }), untold: 0 };
    this.#kinds.set(key, kind);
    return kind;
  }
}
