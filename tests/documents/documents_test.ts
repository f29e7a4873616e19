/** Every command of README.md and docs/, run in the order in which it stands there. */
import assert from "node:assert/strict";
import { rootTest } from "../support/root_test.ts";
import { type Step, stepsOf } from "./blocks.ts";
import { DOCUMENTS, ROOT } from "./document_files.ts";
import { ON_MACHINES, Stage } from "./stage.ts";

const NEEDS = {
  capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"],
  tools: ["curl"],
} as const;

const unreadable: string[] = [];
const steps = new Map<string, Step[]>();
for (const path of DOCUMENTS) {
  try {
    steps.set(path, stepsOf(Deno.readTextFileSync(ROOT + path)));
  } catch (error) {
    unreadable.push(`${path}: ${(error as Error).message}`);
  }
}

Deno.test("every block of commands in the documents says where it is run", () => {
  assert.deepEqual(unreadable, []);
});

Deno.test("what a document says that a test runs, a test runs", async () => {
  for (const [path, list] of steps) {
    for (const step of list) {
      if (step.kind !== "elsewhere") continue;
      const stat = await Deno.stat(ROOT + step.test).catch(() => null);
      assert.ok(stat?.isFile && step.test.endsWith("_test.ts"), `${path}: ${step.test}`);
    }
  }
});

for (const [path, list] of steps) {
  if (ON_MACHINES.includes(path) || !list.some(({ kind }) => kind === "run")) continue;
  rootTest(`the commands of ${path} work as they stand there`, NEEDS, async () => {
    await using stage = await Stage.open();
    for (const step of list) await stage.play(step);
    await stage.finish();
  });
}
