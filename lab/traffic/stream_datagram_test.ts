import assert from "node:assert/strict";
import { readStreamDatagram, readStreamRequest, StreamWriter } from "./stream_datagram.ts";

const OPTIONS = { stream: 7, count: 3, sizeBytes: 100 };

Deno.test("a datagram of a stream is read back as its number", () => {
  const writer = new StreamWriter(OPTIONS);
  assert.equal(readStreamDatagram(writer.datagram(0), 7), 0);
  assert.equal(readStreamDatagram(writer.datagram(2), 7), 2);
});

Deno.test("a datagram with any byte changed, cut short, or of another stream is refused", () => {
  const good = new StreamWriter(OPTIONS).datagram(1).slice();
  for (let at = 0; at < good.length; at++) {
    const bad = good.slice();
    bad[at] = (bad[at] as number) ^ 1;
    assert.equal(readStreamDatagram(bad, 7), null, `byte ${at}`);
  }
  assert.equal(readStreamDatagram(good.slice(0, 99), 7), null);
  assert.equal(readStreamDatagram(good.slice(0, 10), 7), null);
  assert.equal(readStreamDatagram(good, 8), null);
});

Deno.test("a request is read back, and anything else is none", () => {
  const request = { stream: 7, count: 10, sizeBytes: 1000, rate: 100 };
  const bytes = new TextEncoder().encode(JSON.stringify(request));
  assert.deepEqual(readStreamRequest(bytes), request);
  for (const text of ["", "{}", "null", "7", JSON.stringify({ ...request, sizeBytes: 9000 })]) {
    assert.equal(readStreamRequest(new TextEncoder().encode(text)), null, text);
  }
});
