/**
 * The whole protocol between a NAT machine and its agents, with all that can happen to both and to
 * the networks between; see ../protocol/world.ts.
 *
 * @module
 */

import { makeScript, play, shrink, type Step } from "../protocol/script.ts";
import type { BrokenRules } from "../protocol/settings.ts";
import { World } from "../protocol/world.ts";
import type { FuzzTarget, Reached } from "../support/fuzz.ts";
import { Random } from "../support/random.ts";

const STEPS = 600;
const SHRINKING_TRIES = 3000;

/** Tries one script after another against worlds in which these rules are broken. */
export function protocolTarget(broken: BrokenRules, cases: number): FuzzTarget {
  return {
    name: "protocol",
    cases,
    run(random, reached) {
      const chance = random.below(2 ** 31);
      const script = makeScript(random, random.between(STEPS / 10, STEPS));
      const failure = failureOf(script, { chance, broken, reached });
      if (failure === null) return script.length;
      const nothing = { counts: new Map(), add() {} };
      const fails = (shorter: readonly Step[]) =>
        failureOf(shorter, { chance, broken, reached: nothing }) !== null;
      const shortest = shrink(script, fails, SHRINKING_TRIES);
      const last = failureOf(shortest, { chance, broken, reached: nothing });
      const text = shortest.map(([action, choice]) => `${action} ${choice}`).join(", ");
      throw new Error(`${last?.message}\nafter ${shortest.length} steps: ${text}`, { cause: last });
    },
  };
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

export const protocol: FuzzTarget = protocolTarget({}, 1200);
