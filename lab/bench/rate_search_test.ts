import assert from "node:assert/strict";
import { searchRate } from "./rate_search.ts";

const OPTIONS = { from: 40_000, tolerance: 0.001, halvings: 4 };

/** A road that loses what is more than it carries, behind a sender with a limit of its own. */
function road(carries: number, sends = Infinity) {
  return (rate: number) => {
    const reached = Math.min(rate, sends);
    return Promise.resolve({ reached, loss: Math.max(0, 1 - carries / reached) });
  };
}

Deno.test("searchRate() comes near what a road carries, from below", async () => {
  for (const carries of [30_000, 41_000, 150_000, 1_234_567]) {
    const { rate, senderLimited } = await searchRate(road(carries), OPTIONS);
    assert.ok(rate <= carries * 1.001 && rate > carries * 0.9, `${rate} of ${carries}`);
    assert.ok(!senderLimited);
  }
});

Deno.test("searchRate() says when the sender was the limit", async () => {
  assert.deepEqual(await searchRate(road(1e9, 240_000), OPTIONS), {
    rate: 240_000,
    senderLimited: true,
  });
});

Deno.test("searchRate() finds nothing where everything is lost", async () => {
  const lost = (rate: number) => Promise.resolve({ reached: rate, loss: 1 });
  assert.deepEqual(await searchRate(lost, OPTIONS), { rate: 0, senderLimited: false });
});
