/** Hostile frames at real daemons. */
import { rootTest } from "../support/root_test.ts";
import { fuzzRange } from "./support/fuzz.ts";
import { fuzzLab } from "./support/lab_fuzz.ts";

const FRAMES = 20_000;

rootTest("fuzz: hostile frames at real daemons, while downloads go on", {}, async () => {
  const { firstSeed: seed } = fuzzRange(1);
  console.log(`SEED=${seed} FRAMES=${FRAMES}`);
  console.log(JSON.stringify(await fuzzLab({ frames: FRAMES, seed })));
});
