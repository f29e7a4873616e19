import type { BypathLab } from "../bypath_lab.ts";
import type { Bench, BenchSubject, Samples } from "./bench.ts";

/** What came of the turns of one subject. */
export interface Turns {
  readonly subject: string;
  readonly turns: readonly Samples[];
  /** Why it had no turn on this host. */
  readonly leftOut?: string;
  /** Why it has no more turns: something that should work did not. */
  readonly failure?: string;
}

export interface TurnsResult {
  readonly subjects: readonly Turns[];
  readonly notes: readonly string[];
}

export interface TakeTurnsOptions {
  readonly rounds: number;
  readonly seconds: number;
  /** Default: true. */
  readonly warmUp?: boolean;
  /** Told what is being measured. */
  progress(line: string): void;
}

/** A B C A B C …: each subject has one turn in each round. One that fails has no more turns. */
export async function takeTurns(
  bench: Bench,
  lab: BypathLab,
  { rounds, seconds, warmUp = true, progress }: TakeTurnsOptions,
): Promise<TurnsResult> {
  const notes = new Set<string>();
  const options = { seconds, warmUp, note: (text: string) => void notes.add(text) };
  const rows: { subject: BenchSubject; turns: Samples[]; leftOut?: string; failure?: string }[] =
    [];
  for (const subject of bench.subjects) {
    const leftOut = await subject.lacking?.() ?? null;
    rows.push({ subject, turns: [], ...(leftOut !== null && { leftOut }) });
  }
  await bench.prepare?.(lab);
  for (let round = bench.warmUp && warmUp ? 0 : 1; round <= rounds; round++) {
    for (const row of rows) {
      if (row.leftOut !== undefined || row.failure !== undefined) continue;
      progress(`round ${round} of ${rounds}: ${row.subject.name}`);
      try {
        const samples = await row.subject.measure(lab, options);
        if (round > 0) row.turns.push(samples);
      } catch (error) {
        row.failure = (error as Error).message;
      }
    }
  }
  return {
    subjects: rows.map(({ subject, ...rest }) => ({ subject: subject.name, ...rest })),
    notes: [...notes],
  };
}
