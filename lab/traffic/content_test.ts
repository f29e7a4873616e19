import assert from "node:assert/strict";
import { contentHash, PAGE_BYTES, PageChecker, writeContent } from "./content.ts";

async function content(seed: number, lengthBytes: number): Promise<Uint8Array> {
  const whole = new Uint8Array(lengthBytes);
  let at = 0;
  await writeContent(seed, lengthBytes, (bytes) => {
    whole.set(bytes, at);
    at += bytes.length;
  });
  assert.equal(at, lengthBytes);
  return whole;
}

Deno.test("content is the same for the same seed, and another for another", async () => {
  assert.deepEqual(await content(1, 100_000), await content(1, 100_000));
  assert.notEqual(await contentHash(1, 100_000), await contentHash(2, 100_000));
});

Deno.test("shorter content is the beginning of longer content", async () => {
  const long = await content(3, 3 * 1024 * 1024 + 17);
  assert.deepEqual(await content(3, 70_001), long.slice(0, 70_001));
});

Deno.test("PageChecker sees a page that is missing, whatever the sizes of the pieces", async () => {
  const whole = await content(5, 10 * PAGE_BYTES);
  for (const pieceBytes of [7, 1000, PAGE_BYTES, 3 * PAGE_BYTES + 5]) {
    const good = new PageChecker();
    for (let at = 0; at < whole.length; at += pieceBytes) {
      good.update(whole.subarray(at, at + pieceBytes));
    }
    assert.equal(good.misplaced, 0);

    const bad = new PageChecker();
    const holed = new Uint8Array([
      ...whole.subarray(0, 4 * PAGE_BYTES),
      ...whole.subarray(5 * PAGE_BYTES),
    ]);
    for (let at = 0; at < holed.length; at += pieceBytes) {
      bad.update(holed.subarray(at, at + pieceBytes));
    }
    assert.equal(bad.misplaced, 5);
  }
});
