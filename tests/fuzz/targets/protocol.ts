/**
 * The whole protocol between a NAT machine and its agents, with all that can happen to both and to
 * the networks between; see ../protocol/world.ts.
 *
 * @module
 */

import { type Bias, makeScript, play, shrink, type Step } from "../protocol/script.ts";
import type { BrokenRules } from "../protocol/settings.ts";
import { World } from "../protocol/world.ts";
import type { FuzzTarget, Reached } from "../support/fuzz.ts";
import { Random } from "../support/random.ts";

const STEPS = 600;
const SHRINKING_TRIES = 3000;

/** Worlds in which nothing is broken: whatever fails is told with the shortest script that does. */
export const protocol: FuzzTarget = {
  name: "protocol",
  cases: 1200,
  run(random, reached) {
    const chance = random.below(2 ** 31);
    const script = makeScript(random, random.between(STEPS / 10, STEPS));
    const failure = failureOf(script, { chance, broken: {}, reached });
    if (failure === null) return script.length;
    const again = { chance, broken: {}, reached: { add() {} } };
    const fails = (shorter: readonly Step[]) => failureOf(shorter, again) !== null;
    const shortest = shrink(script, fails, SHRINKING_TRIES);
    const last = failureOf(shortest, again);
    const text = shortest.map(([action, choice]) => `${action} ${choice}`).join(", ");
    throw new Error(`${last?.message}\nafter ${shortest.length} steps: ${text}`, { cause: last });
  },
};

/** How a rule is broken, and the steps that are wanted more often, for it to show soon. */
export interface BrokenWorlds {
  readonly broken: BrokenRules;
  readonly bias: Bias;
}

/**
 * Tries the cases of these seeds against worlds in which a rule is broken.
 * @returns what the first that fails says, or null
 */
export function findBroken(
  { broken, bias }: BrokenWorlds,
  { firstSeed, cases }: { firstSeed: number; cases: number },
): Error | null {
  for (let done = 0; done < cases; done++) {
    const random = new Random(firstSeed + done);
    const chance = random.below(2 ** 31);
    const script = makeScript(random, random.between(STEPS / 10, STEPS), bias);
    const failure = failureOf(script, { chance, broken, reached: { add() {} } });
    if (failure !== null) return failure;
  }
  return null;
}

function failureOf(
  script: readonly Step[],
  options: { chance: number; broken: BrokenRules; reached: Pick<Reached, "add"> },
): Error | null {
  const { chance, broken, reached } = options;
  const world = new World({
    random: new Random(chance),
    broken,
    tally: { count: (what) => reached.add(what) },
    operatorFile: operatorFile(),
  });
  try {
    play(world, script);
    return null;
  } catch (error) {
    return error as Error;
  }
}

let folder: string | null = null;

/** Where the operator's orders are kept, in memory. */
function operatorFile(): string {
  if (folder === null) {
    folder = Deno.makeTempDirSync({ dir: "/dev/shm", prefix: "bypath-protocol-" });
    const made = folder;
    globalThis.addEventListener("unload", () => Deno.removeSync(made, { recursive: true }));
  }
  return `${folder}/operator`;
}
