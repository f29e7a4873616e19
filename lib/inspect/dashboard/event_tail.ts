import type { EventView } from "../answers.ts";
import type { Daemon } from "../daemon.ts";
import { newestEvents } from "./newest_events.ts";

/** How many of those before are asked for; few of them are of more than one session. */
const EARLIER = 1000;
/** Many events at once are told of together. */
const TOGETHER_MS = 250;
const AGAIN_MS = 1000;

/** The newest events of a daemon, followed across its restarts. */
export class EventTail {
  readonly #daemon: Daemon;
  readonly #onChange: () => void;
  #kept: readonly EventView[] = [];
  #fresh: EventView[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(daemon: Daemon, onChange: () => void) {
    this.#daemon = daemon;
    this.#onChange = onChange;
  }

  /** The newest last. */
  get kept(): readonly EventView[] {
    return this.#kept;
  }

  /** Follows until `stopped` is aborted. */
  async start(stopped: AbortSignal): Promise<void> {
    while (!stopped.aborted) {
      try {
        await this.#follow(stopped);
      } catch {
        // Whoever looks at the NAT machine says that it is not there.
      }
      if (stopped.aborted) break;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #follow(stopped: AbortSignal): Promise<void> {
    const stream = this.#daemon.follow<EventView>({ verb: "events", follow: true }, stopped);
    const next = stream.next();
    // What happens while the earlier ones are asked for comes twice.
    next.catch(() => {});
    const earlier = await this.#daemon.ask<EventView[]>({ verb: "events", limit: EARLIER });
    if (stopped.aborted) return;
    const known = new Set(earlier.map((event) => JSON.stringify(event)));
    const before = this.#kept.filter((event) => !known.has(JSON.stringify(event)));
    this.#kept = newestEvents([...before, ...earlier]);
    this.#onChange();
    for (let { value, done } = await next; !done; { value, done } = await stream.next()) {
      if (!known.delete(JSON.stringify(value))) this.#add(value!);
    }
  }

  #add(event: EventView): void {
    this.#fresh.push(event);
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#kept = newestEvents([...this.#kept, ...this.#fresh.splice(0)]);
      this.#onChange();
    }, TOGETHER_MS);
  }
}
