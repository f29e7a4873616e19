/** docs/scaling.md is what the command in it prints, of the figures in docs/benchmarks.md. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { BENCHES } from "../lab/bench/all.ts";
import { scalingDocument } from "../lab/scaling/document.ts";
import { ASSUMED_VALUES, MEASURED } from "../lab/scaling/inputs.ts";
import { Measurements } from "../lab/scaling/measurements.ts";
import { scalingOf } from "../lab/scaling/results.ts";

const read = (path: string) =>
  Deno.readTextFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)));

/** The formatter breaks lines and pads tables. */
function words(text: string): string[] {
  return text.replaceAll(/-{3,}/g, "---").split(/\s+/).filter((word) => word !== "");
}

Deno.test("docs/scaling.md is what its own command prints", () => {
  const document = read("docs/scaling.md");
  const [command, from, seed] =
    /^bypath lab scaling --from (\S+) --seed (\d+) --markdown > docs\/scaling\.md$/m
      .exec(document) ?? [];
  assert.ok(command !== undefined && from !== undefined);
  const run = new Measurements(read(from), from);
  const printed = scalingDocument(
    scalingOf(run, { seed: Number(seed), assumed: ASSUMED_VALUES }),
  );
  assert.deepEqual(words(document), words(printed), `print it again: ${command}, then deno fmt`);
});

Deno.test("every figure that the model takes is a quantity of a bench that there is", () => {
  for (const { bench, quantity, unit } of Object.values(MEASURED)) {
    const found = BENCHES.find(({ name }) => name === bench)?.quantities
      .find(({ name }) => name === quantity);
    assert.equal(found?.unit, unit, `${bench}: ${quantity}`);
  }
});
