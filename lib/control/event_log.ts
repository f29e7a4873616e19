/** Something that happened, for people and programs: flat, with its time and its kind. */
export interface LoggedEvent {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly type: string;
  readonly [detail: string]: string | number | boolean | null;
}

/** The last events of a daemon, and whoever follows them. */
export class EventLog {
  readonly #kept: LoggedEvent[] = [];
  readonly #capacity: number;
  readonly #followers = new Set<(event: LoggedEvent) => void>();
  readonly #now: () => number;

  constructor(options: { readonly capacity: number; readonly now: () => number }) {
    this.#capacity = options.capacity;
    this.#now = options.now;
  }

  add(type: string, details: Record<string, string | number | boolean | null> = {}): void {
    const event = { time: this.#now(), type, ...details };
    this.#kept.push(event);
    if (this.#kept.length > this.#capacity) this.#kept.shift();
    for (const follower of this.#followers) follower(event);
  }

  /** The newest events, oldest first. */
  get kept(): readonly LoggedEvent[] {
    return this.#kept;
  }

  get followed(): boolean {
    return this.#followers.size > 0;
  }

  /** Hands every event from now on to `follower`, until the returned function is called. */
  follow(follower: (event: LoggedEvent) => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }
}
