import assert from "node:assert/strict";
import { sparkline } from "./sparkline.ts";
import { Trends } from "./trends.ts";

Deno.test("sparkline() is as high as its largest value, as wide as asked, and shows what is little", () => {
  assert.equal(sparkline([0, 1, 2, 4, 8], 5), "▁▂▃▅█");
  assert.equal(sparkline([0, 1e-9, 1], 5), "  ▁▂█");
  assert.equal(sparkline([1, 2, 3, 4], 2), "▆█");
  assert.equal(sparkline([0, 0], 3), " ▁▁");
  assert.equal(sparkline([], 2), "  ");
});

Deno.test("Trends tells by how much rows have grown since the look before", () => {
  const trends = new Trends();
  trends.begin(1000);
  trends.note("a", 10);
  assert.equal(trends.rate("a"), null);
  trends.keep("a", 1);
  trends.end();
  trends.begin(3000);
  trends.note("a", 30);
  assert.equal(trends.rate("a"), 10);
  trends.note("b", 5);
  assert.equal(trends.rate("b"), null);
  trends.keep("a", 2);
  assert.deepEqual(trends.history("a"), [1, 2]);
  trends.end();
  trends.begin(4000);
  trends.note("b", 5);
  assert.equal(trends.rate("b"), 0);
  trends.end();
  assert.deepEqual(trends.history("a"), [], "forgotten once it is gone");
  trends.begin(5000);
  trends.note("a", 30);
  assert.equal(trends.rate("a"), null);
});

Deno.test("Trends compares no rows of one table with those of another", () => {
  const trends = new Trends();
  trends.begin(1000);
  trends.of(7);
  trends.note(1, 5000);
  trends.keep(1, 3);
  trends.end();
  trends.begin(2000);
  trends.of(7);
  trends.note(1, 5010);
  assert.equal(trends.rate(1), 10);
  trends.end();
  trends.begin(3000);
  trends.of(8);
  trends.note(1, 60);
  assert.equal(trends.rate(1), null);
  assert.deepEqual(trends.history(1), []);
});
