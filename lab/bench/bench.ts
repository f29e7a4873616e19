import type { BypathLab } from "../bypath_lab.ts";

/** One quantity, measured for several subjects in turns. Each bench is one module; see all.ts. */
export interface Bench {
  readonly name: string;
  /** One line. */
  readonly description: string;
  /** Programs of the host that it needs besides `ip`. */
  readonly needs?: readonly string[];
  /** Of every measurement: `ms`. */
  readonly unit: string;
  /** How often each subject has its turn, so that what the host does meanwhile meets all of them. */
  readonly rounds: number;
  /** Bounds of the histogram; none: it shows medians only. */
  readonly bounds?: readonly number[];
  /** What a subject's median has to stay below, where that is promised. */
  readonly medianBelow?: number;
  readonly subjects: readonly BenchSubject[];
  /** Before the first turn, in a fresh lab. */
  prepare(lab: BypathLab): Promise<void>;
}

/** What is measured beside others. */
export interface BenchSubject {
  readonly name: string;
  /** One turn: at least one measurement. The first turn of each subject is for warming up. */
  measure(lab: BypathLab): Promise<readonly number[]>;
}
