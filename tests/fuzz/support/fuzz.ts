/**
 * Fuzzing that can be replayed: a target is tried in cases, each with a seed of its own, and whatever
 * a case does follows from its seed. A failure names the seed: `SEED=… RUNS=1` tries that case alone.
 *
 * Guidance is by signal: a target says what each input reached (a verdict, a reason, a kind of
 * message), and inputs that reached something new in their case are mutated further.
 *
 * @module
 */

import { Random } from "./random.ts";

/** How often each signal was seen, over all cases of a run. */
export class Reached {
  readonly counts = new Map<string, number>();

  add(signal: string, count = 1): void {
    this.counts.set(signal, (this.counts.get(signal) ?? 0) + count);
  }

  /** One line: the signals, most frequent first. */
  toString(): string {
    return [...this.counts].sort((a, b) => b[1] - a[1])
      .map(([signal, count]) => `${signal} ${count}`).join(", ");
  }
}

export interface FuzzTarget {
  readonly name: string;
  /** Cases of a short run. */
  readonly cases: number;
  /** Tries one case; throws when something is wrong. Returns how many inputs it tried. */
  run(random: Random, reached: Reached): number;
}

export interface FuzzResult {
  readonly cases: number;
  readonly inputs: number;
  readonly seconds: number;
  readonly reached: Reached;
}

export interface FuzzRunOptions {
  readonly cases: number;
  readonly firstSeed: number;
  /** Called now and then, with what was done so far. */
  readonly progress?: (inputs: number) => void;
  /** Stop once this many inputs were tried. */
  readonly inputs?: number;
}

/** Runs cases one after another. @throws {Error} at the first that fails, with how to replay it */
export function runFuzz(target: FuzzTarget, options: FuzzRunOptions): FuzzResult {
  const { cases, firstSeed, progress, inputs: enough = Infinity } = options;
  const reached = new Reached();
  const startedMs = performance.now();
  let inputs = 0;
  let done = 0;
  while (done < cases && inputs < enough) {
    const seed = firstSeed + done;
    try {
      inputs += target.run(new Random(seed), reached);
    } catch (cause) {
      const why = cause instanceof Error ? cause.stack ?? cause.message : String(cause);
      const replay = `SEED=${seed} RUNS=1 deno test -A tests/fuzz --filter "${target.name}"`;
      throw new Error(`${target.name} fails: ${why}\nTo try it again: ${replay}`, { cause });
    }
    done++;
    if (done % 256 === 0) progress?.(inputs);
  }
  return { cases: done, inputs, seconds: (performance.now() - startedMs) / 1000, reached };
}

/** The seed of the first case and the number of cases, from `SEED` and `RUNS` where they are set. */
export function fuzzRange(cases: number): { firstSeed: number; cases: number } {
  const seed = Deno.env.get("SEED");
  const runs = Deno.env.get("RUNS");
  return {
    firstSeed: seed === undefined ? Math.floor(Math.random() * 2 ** 40) : Number(seed),
    cases: runs === undefined ? (seed === undefined ? cases : 1) : Number(runs),
  };
}

/** A short run of a target as a test. */
export function fuzzTest(target: FuzzTarget): void {
  Deno.test(`fuzz: ${target.name}`, () => {
    const result = runFuzz(target, fuzzRange(target.cases));
    console.log(describeResult(target, result));
  });
}

export function describeResult(target: FuzzTarget, result: FuzzResult): string {
  const { inputs, cases, seconds, reached } = result;
  const head = `${target.name}: ${inputs} inputs in ${cases} cases, ${seconds.toFixed(1)} s`;
  return `${head}; reached: ${reached}`;
}

/** Bytes as hexadecimal text, for a failure's message. */
export function hex(bytes: Uint8Array): string {
  return [...bytes.subarray(0, 2048)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
