import type { BypathLab } from "../bypath_lab.ts";

/** One question, measured for several subjects in turns. Each bench is one module; see all.ts. */
export interface Bench {
  readonly name: string;
  /** One line. */
  readonly description: string;
  /** Programs of the host that it needs besides `ip`. */
  readonly needs?: readonly string[];
  /** How often each subject has its turn, so that what the host does meanwhile meets all of them. */
  readonly rounds: number;
  /** How long one load lasts. */
  readonly seconds: number;
  /** A first turn of each subject that is not counted: caches and the just-in-time compiler. */
  readonly warmUp?: boolean;
  readonly quantities: readonly Quantity[];
  readonly aims?: readonly Aim[];
  /** What a reader must know to understand the figures, one sentence each. */
  readonly notes?: readonly string[];
  readonly subjects: readonly BenchSubject[];
  /** Before the first turn, in a fresh lab. */
  prepare?(lab: BypathLab): Promise<unknown>;
}

/** What is measured beside others. */
export interface BenchSubject {
  readonly name: string;
  /** Why it has no turn on this host, or null. */
  lacking?(): Promise<string | null>;
  /** One turn: at least one sample of each quantity that the subject has. */
  measure(lab: BypathLab, options: TurnOptions): Promise<Samples>;
}

export interface TurnOptions {
  readonly seconds: number;
  /** Whether a road carries the load for a while before it is measured. */
  readonly warmUp: boolean;
  /** Says something beside the figures, such as that the generator was the limit; once each. */
  note(text: string): void;
}

/** Quantity to what one turn found. */
export type Samples = Readonly<Record<string, readonly number[]>>;

export type Unit = "bit/s" | "1/s" | "ms" | "µs" | "ns" | "s" | "B" | "share" | "ratio";

export interface Quantity {
  readonly name: string;
  readonly unit: Unit;
  readonly better: "more" | "less";
  /** Bounds of a histogram, for quantities with many samples a turn. */
  readonly bounds?: readonly number[];
  /**
   * This quantity is another one, less what a subject has of it (its median): added latency over the
   * direct road's. Nothing is measured for it.
   */
  readonly beyond?: { readonly quantity: string; readonly subject: string };
}

/** What is wanted of a subject's median: by itself, or as a ratio to the median of another one. */
export interface Aim {
  readonly quantity: string;
  readonly subject: string;
  readonly of?: string;
  /** Of which other quantity of `of`; default: the same. */
  readonly ofQuantity?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}
