import assert from "node:assert/strict";
import { LiveFeed } from "./live_feed.ts";

/** What the next chunk says. */
async function next(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<unknown> {
  const { value } = await reader.read();
  const text = new TextDecoder().decode(value);
  const [, data] = /^event: parts\ndata: (.*)\n\n$/.exec(text)!;
  return JSON.parse(data!);
}

Deno.test("a viewer gets everything at first, and then what changed", async () => {
  const feed = new LiveFeed(2, () => {});
  feed.publish({ a: "1", b: "line\nbreak" });
  const reader = feed.join().getReader();
  feed.publish({ a: "1", b: "3" });
  feed.publish({ a: "1", b: "3" });
  feed.publish({ a: "4", b: "3" });
  assert.deepEqual(await next(reader), { a: "1", b: "line\nbreak" });
  assert.deepEqual(await next(reader), { b: "3" });
  assert.deepEqual(await next(reader), { a: "4" });
});

Deno.test("a viewer that was too slow gets everything again, and keeps no more waiting than a bound", async () => {
  const feed = new LiveFeed(1, () => {});
  const large = (n: number) => `${n}`.repeat(700_000);
  feed.publish({ a: large(1), b: "1" });
  const reader = feed.join().getReader();
  feed.publish({ a: large(2), b: "1" });
  feed.publish({ a: large(2), b: "2" });
  feed.publish({ a: large(2), b: "3" });
  assert.deepEqual(await next(reader), { a: large(1), b: "1" });
  assert.deepEqual(await next(reader), { a: large(2) });
  feed.publish({ a: "4", b: "3" });
  assert.deepEqual(await next(reader), { a: "4", b: "3" });
});

Deno.test("viewers are counted, and bounded", async () => {
  const counts: number[] = [];
  const feed = new LiveFeed(2, (viewers) => counts.push(viewers));
  const readers = [feed.join().getReader(), feed.join().getReader()];
  assert.equal(feed.isFull, true);
  await readers[0]!.cancel();
  assert.equal(feed.isFull, false);
  feed.close();
  assert.deepEqual(counts, [1, 2, 1, 0]);
});
