import assert from "node:assert/strict";
import { MessageFaults } from "./message_faults.ts";

const SHARES = { lose: 0.1, double: 0.2, late: 0.3, lateMs: 50 };

Deno.test("MessageFaults gives messages their fates in the shares asked for", () => {
  const faults = new MessageFaults(SHARES, 7);
  for (let i = 0; i < 10_000; i++) {
    for (const delayMs of faults.next()) assert.ok(delayMs >= 0 && delayMs <= 50);
  }
  const { lost, doubled, late, passed } = faults.counts;
  assert.equal(lost + doubled + late + passed, 10_000);
  assert.ok(Math.abs(lost - 1000) < 150, `${lost} lost`);
  assert.ok(Math.abs(doubled - 2000) < 200, `${doubled} doubled`);
  assert.ok(Math.abs(late - 3000) < 250, `${late} late`);
});

Deno.test("MessageFaults does the same again for the same seed, and something else for another", () => {
  const fates = (seed: number) => {
    const faults = new MessageFaults(SHARES, seed);
    return Array.from({ length: 100 }, () => faults.next());
  };
  assert.deepEqual(fates(7), fates(7));
  assert.notDeepEqual(fates(7), fates(8));
});
