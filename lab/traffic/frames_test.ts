import assert from "node:assert/strict";
import { FrameChecker, FrameWriter } from "./frames.ts";

/** What a writer puts on the wire: `sizes` frames and the end. */
async function written(seed: number, sizes: readonly number[]): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  const connection = {
    write: (bytes: Uint8Array) => {
      pieces.push(bytes.slice());
      return Promise.resolve(bytes.length);
    },
  } as unknown as Deno.Conn;
  const writer = new FrameWriter(connection, seed);
  for (const size of sizes) await writer.write(size);
  await writer.end();
  return new Uint8Array(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}

/** Crosses the border of a block of content. */
const SIZES = [1, 3000, ...Array.from({ length: 20 }, () => 60_000)];

for (const pieceBytes of [1, 7, 1460, 1_000_000]) {
  Deno.test(`FrameChecker finds frames right in pieces of ${pieceBytes} bytes`, async () => {
    const sizes = pieceBytes === 1 ? [1, 3000] : SIZES;
    const stream = await written(5, sizes);
    const checker = new FrameChecker(5);
    for (let at = 0; at < stream.length; at += pieceBytes) {
      assert.equal(checker.ended, false);
      checker.update(stream.subarray(at, at + pieceBytes));
    }
    assert.equal(checker.wrong, 0);
    assert.equal(checker.ended, true);
    assert.equal(checker.bytes, stream.length - 4 * (sizes.length + 1));
  });
}

Deno.test("FrameChecker sees one changed byte, a doubled frame and another seed", async () => {
  const stream = await written(5, SIZES);
  const changed = stream.slice();
  changed[500_000]! ^= 1;
  const doubled = new Uint8Array([...stream.slice(0, 3009), ...stream.slice(5, 3009)]);
  for (const [what, seed] of [[changed, 5], [doubled, 5], [stream, 6]] as const) {
    const checker = new FrameChecker(seed);
    checker.update(what);
    assert.ok(checker.wrong > 0);
  }
});

Deno.test("FrameChecker does not take a stream that was cut short for one that ended", async () => {
  const stream = await written(5, SIZES);
  const checker = new FrameChecker(5);
  checker.update(stream.subarray(0, stream.length - 1));
  assert.equal(checker.ended, false);
  assert.equal(checker.wrong, 0);
});
