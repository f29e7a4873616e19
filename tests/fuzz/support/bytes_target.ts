import assert from "node:assert/strict";
import { type FuzzTarget, hex, type Reached } from "./fuzz.ts";
import { mutate } from "./mutate.ts";
import type { Random } from "./random.ts";

/** What nobody may write to. */
export const FENCE = 0xa5;
const FENCE_BYTES = 64;
const INPUTS = 100;

export interface BytesTargetOptions {
  readonly name: string;
  readonly cases: number;
  /** Valid inputs to start from. */
  readonly samples: readonly Uint8Array[];
  /** Makes a mutated input plausible again, now and then: checksums, lengths. */
  readonly mend?: (bytes: Uint8Array<ArrayBuffer>, random: Random) => void;
  /** Makes a changed input of the target's own kind; a third of all inputs then. */
  readonly vary?: (random: Random) => Uint8Array;
  /**
   * Tries one input, which lies in the middle of a larger buffer of fence bytes. Returns what it
   * reached.
   */
  readonly run: (input: Uint8Array<ArrayBuffer>, random: Random) => string;
  /** Default: the input must not be written to. */
  readonly writes?: boolean;
}

/** A target that is a function of bytes. */
export function bytesTarget(options: BytesTargetOptions): FuzzTarget {
  return {
    name: options.name,
    cases: options.cases,
    run: (random, reached) => runCase(options, random, reached),
  };
}

function runCase(options: BytesTargetOptions, random: Random, reached: Reached): number {
  const corpus = [...options.samples];
  const seen = new Set<string>();
  for (let i = 0; i < INPUTS; i++) {
    const noise = random.chance(0.03);
    const varied = options.vary !== undefined && random.chance(0.33);
    const input = varied
      ? new Uint8Array(options.vary!(random))
      : noise
      ? random.bytes(random.below(200))
      : mutate(random.pick(corpus), random, corpus);
    if (!noise && !varied && random.chance(0.5)) options.mend?.(input, random);
    const signal = tryOne(options, input, random);
    reached.add(signal);
    if (!seen.has(signal)) {
      seen.add(signal);
      corpus.push(input);
    }
  }
  return INPUTS;
}

function tryOne(options: BytesTargetOptions, input: Uint8Array, random: Random): string {
  const fenced = new Uint8Array(input.length + 2 * FENCE_BYTES).fill(FENCE);
  const end = FENCE_BYTES + input.length;
  fenced.set(input, FENCE_BYTES);
  try {
    const signal = options.run(fenced.subarray(FENCE_BYTES, end), random);
    for (let i = 0; i < FENCE_BYTES; i++) {
      assert.ok(fenced[i] === FENCE && fenced[end + i] === FENCE, "wrote outside the input");
    }
    if (!options.writes) {
      for (let i = 0; i < input.length; i++) {
        assert.equal(fenced[FENCE_BYTES + i], input[i], `wrote to byte ${i} of the input`);
      }
    }
    return signal;
  } catch (cause) {
    throw new Error(`with the input ${hex(input)}`, { cause });
  }
}
