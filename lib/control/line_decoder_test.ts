import assert from "node:assert/strict";
import fc from "fast-check";
import { LineDecoder } from "./line_decoder.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function collect(
  decoder: LineDecoder,
  chunks: Uint8Array[],
): { lines: string[]; why: string | null } {
  const lines: string[] = [];
  for (const chunk of chunks) {
    const why = decoder.push(chunk, (line) => lines.push(line) > 0);
    if (why) return { lines, why };
  }
  return { lines, why: null };
}

Deno.test("LineDecoder finds the same lines however the bytes are cut", () => {
  fc.assert(fc.property(
    fc.array(fc.string({ unit: "grapheme" }).map((s) => s.replaceAll("\n", ""))),
    fc.array(fc.integer({ min: 1, max: 7 })),
    (lines, cuts) => {
      const stream = bytes(lines.map((line) => line + "\n").join(""));
      const chunks: Uint8Array[] = [];
      for (let at = 0, i = 0; at < stream.length; i++) {
        const size = cuts[i] ?? 1;
        chunks.push(stream.slice(at, at + size));
        at += size;
      }
      assert.deepEqual(collect(new LineDecoder(1000), chunks), { lines, why: null });
    },
  ));
});

Deno.test("LineDecoder keeps nothing of a chunk that is reused", () => {
  const decoder = new LineDecoder(100);
  const chunk = bytes("ab");
  decoder.push(chunk, () => true);
  chunk.fill(0x7a);
  assert.deepEqual(collect(decoder, [bytes("c\n")]), { lines: ["abc"], why: null });
});

Deno.test("LineDecoder takes a line of exactly the limit and refuses one byte more", () => {
  assert.deepEqual(collect(new LineDecoder(4), [bytes("abcd\n")]).lines, ["abcd"]);
  assert.equal(collect(new LineDecoder(4), [bytes("abcde\n")]).why, "line longer than 4 bytes");
  assert.equal(
    collect(new LineDecoder(4), [bytes("abc"), bytes("de")]).why,
    "line longer than 4 bytes",
  );
});

Deno.test("LineDecoder never holds more than the limit", () => {
  const decoder = new LineDecoder(64);
  for (let i = 0; i < 64; i++) assert.equal(decoder.push(bytes("x"), () => true), null);
  assert.equal(decoder.heldBytes, 64);
  assert.equal(decoder.push(bytes("x"), () => true), "line longer than 64 bytes");
  assert.equal(decoder.heldBytes, 64);
});

Deno.test("LineDecoder refuses bytes that are not UTF-8", () => {
  for (const line of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
    const decoder = new LineDecoder(64);
    assert.equal(collect(decoder, [Uint8Array.of(...line, 0x0a)]).why, "line is not UTF-8");
  }
});

Deno.test("LineDecoder stops where the reader of lines says so", () => {
  const lines: string[] = [];
  new LineDecoder(64).push(bytes("a\nb\nc\n"), (line) => lines.push(line) < 2);
  assert.deepEqual(lines, ["a", "b"]);
});
