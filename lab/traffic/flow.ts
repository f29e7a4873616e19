/** What kinds of traffic there are; each goes on until it is told to finish. */
export type FlowKind = "download" | "upload" | "requests" | "idle" | "datagrams";

export interface FlowPlan {
  readonly name: string;
  readonly kind: FlowKind;
  /** `203.0.113.10:80`. */
  readonly to: string;
  /** Bytes a second; requests or datagrams a second of those kinds. */
  readonly rate: number;
  readonly seed: number;
}

/** How a flow stands, or what came of it. */
export interface FlowState {
  readonly name: string;
  readonly kind: FlowKind;
  /** The client's endpoint. */
  readonly local: string;
  readonly bytes: number;
  /** Pieces, answers or datagrams with a byte that is not the one that belongs there. */
  readonly wrong: number;
  /** Ended in order, with everything that the other end sent. */
  readonly complete: boolean;
  readonly error: string | null;
  /** For how long nothing has come. */
  readonly stillMs: number;
  /** The longest time in which nothing came, since the last mark. */
  readonly longestPauseMs: number;
  /** Of datagrams. */
  readonly datagrams?: DatagramCounts;
}

export interface DatagramCounts {
  /** As the server tells at the end; -1 before. */
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  readonly doubled: number;
  readonly reordered: number;
  /** How many were lost one after the other, the longest runs first, five at most. */
  readonly gaps: readonly number[];
}

/** A flow gets so long to come to its end. */
const FINISH_MS = 20_000;

/** One flow through the service; the subclasses are its kinds. */
export abstract class Flow {
  readonly plan: FlowPlan;
  #lastProgress = performance.now();
  #longestPauseMs = 0;
  #error: string | null = null;
  protected bytes = 0;
  protected wrong = 0;
  protected complete = false;
  protected finishing = false;
  protected local = "";
  protected readonly opening = Promise.withResolvers<void>();

  constructor(plan: FlowPlan) {
    this.plan = plan;
  }

  /** Settles when the first bytes were exchanged. */
  get open(): Promise<void> {
    return this.opening.promise;
  }

  /** Runs until told to finish, or until it fails, of which `state` tells. */
  async run(): Promise<void> {
    try {
      await this.carryOut();
    } catch (error) {
      if (!this.complete) {
        if (this.expectsProgress()) this.progress();
        this.#error ??= (error as Error).message;
      }
    }
    this.opening.resolve();
  }

  /** Asks for the end; `state().complete` tells whether it came. */
  finish(): void {
    this.finishing = true;
    setTimeout(() => {
      if (this.complete || this.#error !== null) return;
      this.#error = `hung: no end ${FINISH_MS / 1000} s after it was asked for`;
      this.abort();
    }, FINISH_MS);
    this.beginFinish();
  }

  /** Begins to measure pauses anew; one that lasts counts from now on. */
  mark(): void {
    this.#longestPauseMs = 0;
    this.#lastProgress = performance.now();
  }

  state(): FlowState {
    const { name, kind } = this.plan;
    const over = this.complete || this.#error !== null;
    const stillMs = over || !this.expectsProgress() ? 0 : performance.now() - this.#lastProgress;
    const datagrams = this.datagrams();
    return {
      name,
      kind,
      local: this.local,
      bytes: this.bytes,
      wrong: this.wrong,
      complete: this.complete,
      error: this.#error,
      stillMs: Math.round(stillMs),
      longestPauseMs: Math.round(Math.max(this.#longestPauseMs, stillMs)),
      ...(datagrams && { datagrams }),
    };
  }

  protected abstract carryOut(): Promise<void>;
  protected abstract beginFinish(): void;
  protected abstract abort(): void;

  /** Whether silence is a pause. */
  protected expectsProgress(): boolean {
    return true;
  }

  protected datagrams(): DatagramCounts | null {
    return null;
  }

  /** Something new has come. */
  protected progress(): void {
    const now = performance.now();
    this.#longestPauseMs = Math.max(this.#longestPauseMs, now - this.#lastProgress);
    this.#lastProgress = now;
  }

  /** Silence up to now was no pause. */
  protected restart(): void {
    this.#lastProgress = performance.now();
  }
}
