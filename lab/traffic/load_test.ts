import assert from "node:assert/strict";
import { LOAD_KIND, readLoadMessage, writeLoadMessage } from "./load_message.ts";
import { sendPaced } from "./paced_volleys.ts";
import { strideFor } from "./session_run.ts";

Deno.test("a load message is read as it was written", () => {
  const message = { kind: LOAD_KIND.order, flows: 8, run: 0xfedcba98, first: 240_000, second: 500 };
  const bytes = writeLoadMessage(message);
  assert.equal(bytes.length, 18);
  assert.deepEqual(readLoadMessage(new DataView(bytes.buffer), 0), message);
});

Deno.test("sendPaced() never sends more than the rate, takes turns, and stops at the count", () => {
  const sent = [0, 0];
  const volleys = sent.map((_, i) => ({
    send: (count: number) => {
      const taken = Math.min(count, 3);
      sent[i] = sent[i]! + taken;
      return taken;
    },
  }));
  const result = sendPaced(volleys, { rate: 20_000, forMs: 50 });
  assert.equal(result.sent, sent[0]! + sent[1]!);
  assert.ok(result.sent > 0 && result.sent <= 20_000 * result.ms / 1000 + 1);
  assert.ok(sent.every((each) => each > 0));
  assert.equal(sendPaced(volleys, { rate: 1e6, forMs: 10_000, count: 100 }).sent, 100);
});

Deno.test("a sender that is refused goes on, and is not counted", () => {
  const refused = { send: () => 0 };
  assert.equal(sendPaced([refused], { rate: 1000, forMs: 5 }).sent, 0);
});

Deno.test("the stride meets every client once", () => {
  for (const clients of [1, 2, 10, 999, 4096]) {
    const seen = new Set<number>();
    const stride = strideFor(clients);
    for (let i = 0, at = 0; i < clients; i++, at = (at + stride) % clients) seen.add(at);
    assert.equal(seen.size, clients);
  }
});
