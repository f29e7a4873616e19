import assert from "node:assert/strict";
import { QueueWait } from "./queue_wait.ts";

const counts = (arrived: number, dropped = 0) => ({ arrived, dropped, count() {} });

Deno.test("QueueWait tells how long the packet that came last waits", () => {
  const queue = counts(0);
  const wait = new QueueWait(queue);
  wait.took(0, false, 0);
  queue.arrived = 300;
  wait.took(100, true, 5);
  assert.equal(wait.waitMs, 0);
  queue.arrived = 1000;
  wait.took(100, true, 9);
  assert.equal(wait.waitMs, 4);
  wait.took(100, true, 11);
  assert.equal(wait.waitMs, 6);
  // This one marks the thousandth.
  wait.took(600, true, 14);
  wait.took(50, true, 15);
  assert.equal(wait.waitMs, 6);
  wait.took(50, true, 19);
  assert.equal(wait.waitMs, 8);
  wait.took(3, false, 20);
  assert.equal(wait.waitMs, 0);
});

Deno.test("QueueWait counts from where it begins, whatever waited or was counted before", () => {
  const queue = counts(5000);
  const wait = new QueueWait(queue);
  // A thousand that waited, of which the kernel says nothing more.
  wait.took(1000, true, 1);
  queue.arrived = 5010;
  wait.took(10, false, 2);
  queue.arrived = 5200;
  wait.took(64, true, 3);
  wait.took(64, true, 6);
  assert.equal(wait.waitMs, 3);
  wait.took(62, true, 8);
  assert.equal(wait.waitMs, 5);
});

Deno.test("QueueWait is without end while the kernel drops packets", () => {
  const queue = counts(0);
  const wait = new QueueWait(queue);
  wait.took(0, false, 0);
  queue.arrived = 100;
  queue.dropped = 1;
  wait.took(50, true, 1);
  assert.equal(wait.waitMs, Infinity);
  wait.took(50, true, 3);
  assert.equal(wait.waitMs, 2);
});

Deno.test("QueueWait counts ten milliseconds at most of a turn in which the thread stood still", () => {
  const queue = counts(0);
  const wait = new QueueWait(queue);
  wait.took(0, false, 0);
  queue.arrived = 1000;
  wait.took(64, true, 1);
  wait.took(64, true, 500);
  assert.equal(wait.waitMs, 10);
});
