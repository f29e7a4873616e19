import type { ProbeResult } from "./probe.ts";

/** Checks that run at the same time; the others wait for their turn. */
const MOST_AT_ONCE = 256;

/** The first checks come soon, whatever the interval: until then nothing is known. */
const FIRST_WITHIN_MS = 1_000;

/** Something that is to be checked again and again. */
export interface CheckTarget {
  /** What the result is about: the same before and after a change. */
  readonly key: string;
  readonly intervalMs: number;
}

export interface CheckScheduleOptions<Target extends CheckTarget> {
  /** Checks once; never throws, and comes to an end. */
  readonly probe: (target: Target) => Promise<ProbeResult>;
  readonly result: (target: Target, result: ProbeResult) => void;
  /** Uniform in [0, 1): when each target's checks begin, and their place in the interval. Default `Math.random`. */
  readonly random?: () => number;
  readonly mostAtOnce?: number;
}

interface Running<Target> {
  readonly target: Target;
  timer: ReturnType<typeof setTimeout> | undefined;
  /** When the next check is due, by `performance.now`. */
  dueMs: number;
  /** Of the interval: how long after the first check the second one is due. */
  readonly phase: number;
  isFirst: boolean;
  isOver: boolean;
}

/**
 * Checks servers, each at its own interval and at its own place in it, so that they do not all come at once; no more than {@linkcode MOST_AT_ONCE} run at a time, however many servers leave them without answer.
 */
export class CheckSchedule<Target extends CheckTarget> implements Disposable {
  readonly #options: CheckScheduleOptions<Target>;
  readonly #running = new Map<string, Running<Target>>();
  readonly #waiting: Running<Target>[] = [];
  #atOnce = 0;

  constructor(options: CheckScheduleOptions<Target>) {
    this.#options = options;
  }

  /** Another list of servers; those that are checked as before do not notice. */
  configure(targets: readonly Target[]): void {
    const wanted = new Map(targets.map((target) => [target.key, target]));
    for (const [key, running] of this.#running) {
      const target = wanted.get(key);
      if (target !== undefined && isSame(target, running.target)) wanted.delete(key);
      else this.#end(key, running);
    }
    const { random = Math.random } = this.#options;
    // One server alone is checked at once; of many each has its own moment.
    const isAlone = targets.length === 1;
    for (const [key, target] of wanted) {
      const withinMs = Math.min(target.intervalMs, FIRST_WITHIN_MS);
      const running: Running<Target> = {
        target,
        timer: undefined,
        dueMs: performance.now() + (isAlone ? 0 : random() * withinMs),
        phase: isAlone ? 1 : random(),
        isFirst: true,
        isOver: false,
      };
      this.#running.set(key, running);
      this.#wait(running);
    }
  }

  [Symbol.dispose](): void {
    for (const [key, running] of this.#running) this.#end(key, running);
  }

  #end(key: string, running: Running<Target>): void {
    running.isOver = true;
    clearTimeout(running.timer);
    this.#running.delete(key);
  }

  #wait(running: Running<Target>): void {
    running.timer = setTimeout(
      () => {
        this.#waiting.push(running);
        this.#next();
      },
      Math.max(0, running.dueMs - performance.now()),
    );
  }

  #next(): void {
    const { mostAtOnce = MOST_AT_ONCE } = this.#options;
    while (this.#atOnce < mostAtOnce) {
      const running = this.#waiting.shift();
      if (running === undefined) return;
      if (!running.isOver) this.#check(running);
    }
  }

  async #check(running: Running<Target>): Promise<void> {
    const { result, probe } = this.#options;
    const { target } = running;
    this.#atOnce++;
    const outcome = await probe(target);
    this.#atOnce--;
    if (!running.isOver) {
      result(target, outcome);
      // At fixed distances; a check that had to wait or took longer leaves some out.
      const nowMs = performance.now(), { intervalMs } = target;
      const wasFirst = running.isFirst;
      running.isFirst = false;
      if (wasFirst) running.dueMs += running.phase * intervalMs;
      const passed = Math.ceil((nowMs - running.dueMs) / intervalMs);
      running.dueMs += (wasFirst ? Math.max(0, passed) : Math.max(1, passed)) * intervalMs;
      this.#wait(running);
    }
    this.#next();
  }
}

function isSame(a: CheckTarget, b: CheckTarget): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
