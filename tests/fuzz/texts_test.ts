/** Texts and messages that others wrote: a value, or a reason. */
import assert from "node:assert/strict";
import { fuzzTest } from "./support/fuzz.ts";
import { fuzzRange } from "./support/fuzz.ts";
import { Random } from "./support/random.ts";
import { readAdminLines, textTargets } from "./targets/texts.ts";

for (const target of textTargets) fuzzTest(target);

Deno.test("fuzz: lines of the admin socket are the same however they come", async () => {
  const { firstSeed, cases } = fuzzRange(300);
  for (let seed = firstSeed; seed < firstSeed + cases; seed++) {
    const random = new Random(seed);
    const text = Array.from({ length: random.below(20) }, () => "x".repeat(random.below(30)));
    const bytes = new TextEncoder().encode(text.join("\n") + "\n");
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length;) {
      const end = at + random.between(1, 40);
      chunks.push(bytes.slice(at, end));
      at = end;
    }
    const why = `SEED=${seed} RUNS=1`;
    assert.deepEqual(await readAdminLines(chunks, 1000), text.length > 0 ? text : [""], why);
    // Noise ends the connection or is a line; nothing else.
    await readAdminLines([random.bytes(100), random.bytes(100)], random.below(100));
  }
});
