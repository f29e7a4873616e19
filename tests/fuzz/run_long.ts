/**
 * `deno task fuzz`: ten million packets through the whole paths of the NAT machine and the agent, a
 * million inputs to the parsers, ten million steps of the whole protocol with its faults, and a million hostile frames at real daemons in a lab, which needs
 * CAP_NET_ADMIN and CAP_NET_RAW. Takes some forty minutes. `SEED` sets where the seeds begin.
 */
import { missingCapabilities } from "../../lib/linux/capabilities.ts";
import { describeResult, fuzzRange, type FuzzTarget, runFuzz } from "./support/fuzz.ts";
import { fuzzLab } from "./support/lab_fuzz.ts";
import { agentPath } from "./targets/agent_path.ts";
import { natPath } from "./targets/nat_path.ts";
import { parserTargets } from "./targets/parsers.ts";
import { protocol } from "./targets/protocol.ts";
import { stateFile } from "./targets/state_file.ts";
import { textTargets } from "./targets/texts.ts";

const PLAN: readonly (readonly [FuzzTarget, inputs: number])[] = [
  ...[...parserTargets, ...textTargets].map((target) => [target, 100_000] as const),
  [stateFile, 20_000],
  [protocol, 10_000_000],
  [agentPath, 2_000_000],
  [natPath, 8_000_000],
];
const LAB_FRAMES = 1_000_000;
const PROGRESS_MS = 30_000;

const { firstSeed } = fuzzRange(1);
console.log(`SEED=${firstSeed}`);
for (const [target, inputs] of PLAN) {
  let saidMs = performance.now();
  const progress = (done: number) => {
    if (performance.now() - saidMs < PROGRESS_MS) return;
    saidMs = performance.now();
    console.log(`${target.name}: ${done} of ${inputs}`);
  };
  console.log(
    describeResult(target, runFuzz(target, { cases: Infinity, firstSeed, inputs, progress })),
  );
}
const lacking = missingCapabilities(["CAP_NET_ADMIN", "CAP_NET_RAW"]);
if (lacking.length > 0) {
  console.log(`No frames at real daemons: needs ${lacking.join(", ")}`);
} else {
  console.log(JSON.stringify(await fuzzLab({ frames: LAB_FRAMES, seed: firstSeed })));
}
