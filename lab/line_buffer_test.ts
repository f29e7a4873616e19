import assert from "node:assert/strict";
import { LineBuffer } from "./line_buffer.ts";

function streamOf(...chunks: string[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(chunks.map((chunk) => new TextEncoder().encode(chunk)));
}

Deno.test("LineBuffer puts lines together whatever the pieces they come in", async () => {
  const buffer = new LineBuffer();
  await buffer.readFrom(streamOf("on", "e\ntw", "o\r\n", "three"));
  assert.deepEqual(buffer.lines, ["one", "two", "three"]);
});

Deno.test("find() sees earlier lines, waits for later ones, and gives up at the end", async () => {
  const buffer = new LineBuffer();
  const late = buffer.find((line) => line === "two", { timeoutMs: 1000 });
  const never = buffer.find((line) => line === "four", { timeoutMs: 1000 });
  await buffer.readFrom(streamOf("one\ntwo\nthree\n"));
  assert.equal(await late, "two");
  assert.equal(await never, null);
  assert.equal(await buffer.find((line) => line === "one", { timeoutMs: 1 }), "one");
});

Deno.test("find() after a mark passes over what was there before", async () => {
  const buffer = new LineBuffer();
  await buffer.readFrom(streamOf("same\n"));
  const mark = buffer.seen;
  assert.equal(await buffer.find((line) => line === "same", { timeoutMs: 1, after: mark }), null);
});
