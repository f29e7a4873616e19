import assert from "node:assert/strict";
import { Overload } from "./overload.ts";
import type { QueueCounts } from "./queue_wait.ts";

const BATCH = 64;

/** A worker that can do so much a millisecond, and one queue before it. */
class Worker implements QueueCounts {
  arrived = 0;
  dropped = 0;
  asked = 0;
  readonly overload: Overload;
  readonly #queue: boolean[] = [];
  #arrived = 0;
  #dropped = 0;
  #nowMs = 1000;
  readonly #costs: { readonly sent: number; readonly refused: number };
  readonly #room: number;
  readonly refused = { openers: 0, others: 0 };
  readonly taken = { openers: 0, others: 0 };
  longestQueue = 0;

  /** @param costs milliseconds for a packet */
  constructor(costs: { sent: number; refused: number }, room = Infinity) {
    this.#costs = costs;
    this.#room = room;
    this.overload = new Overload([this]);
  }

  count(): void {
    this.asked++;
    this.arrived = this.#arrived;
    this.dropped = this.#dropped;
  }

  /** So many packets a millisecond come in, of which a share would begin a session. */
  run(forMs: number, perMs: number, openers: number): void {
    const untilMs = this.#nowMs + forMs;
    let due = 0, opening = 0;
    while (this.#nowMs < untilMs) {
      const count = Math.min(BATCH, this.#queue.length);
      this.overload.took(0, count, count === BATCH, this.#nowMs);
      let spentMs = 0.005;
      for (const opener of this.#queue.splice(0, count)) {
        const admitted = !opener || this.overload.admits();
        spentMs += admitted ? this.#costs.sent : this.#costs.refused;
        (admitted ? this.taken : this.refused)[opener ? "openers" : "others"]++;
      }
      this.#nowMs += spentMs;
      due += spentMs * perMs;
      for (; due >= 1; due--) {
        opening += openers;
        this.#arrive(opening >= 1);
        if (opening >= 1) opening--;
      }
      this.longestQueue = Math.max(this.longestQueue, this.#queue.length);
    }
  }

  #arrive(opener: boolean): void {
    if (this.#queue.length >= this.#room) {
      this.#dropped++;
      return;
    }
    this.#arrived++;
    this.#queue.push(opener);
  }

  standStill(forMs: number, perMs: number, openers: number): void {
    this.#nowMs += forMs;
    let opening = 0;
    for (let i = 0; i < forMs * perMs; i++) {
      opening += openers;
      this.#arrive(opening >= 1);
      if (opening >= 1) opening--;
    }
  }
}

/** A hundred packets a millisecond. */
const COSTS = { sent: 0.01, refused: 0.002 };

Deno.test("Overload admits all while the worker keeps up, and asks the kernel for nothing", () => {
  const worker = new Worker(COSTS);
  worker.run(2000, 90, 0.5);
  assert.equal(worker.refused.openers, 0);
  assert.ok(worker.asked <= 2, `asked ${worker.asked} times`);
});

Deno.test("Overload refuses openers of a flood, so that no queue waits for much longer than allowed", () => {
  const worker = new Worker(COSTS);
  worker.run(2000, 200, 0.8);
  assert.ok(worker.refused.openers > 0);
  // 40 ms and a mark's delay, at 200 a millisecond.
  assert.ok(worker.longestQueue < 16_000, `${worker.longestQueue} packets waited`);
  // 40 a millisecond of the sessions that exist; at 0.2 of the cost, 60 - 24 of 100 are left for others.
  assert.ok(worker.taken.others > 0.97 * 2000 * 40, `${worker.taken.others} were taken`);
  assert.ok(worker.taken.openers > 2000 * 20, `${worker.taken.openers} sessions were begun`);
  worker.run(500, 50, 0.8);
  assert.ok(!worker.overload.isClosed);
});

Deno.test("Overload admits new sessions however long the queue, when few packets begin one", () => {
  const worker = new Worker(COSTS);
  worker.run(2000, 200, 0.02);
  assert.ok(worker.longestQueue > 50_000);
  assert.equal(worker.refused.openers, 0);
});

Deno.test("Overload closes when the kernel drops packets, however short the queue", () => {
  const worker = new Worker(COSTS, 1000);
  worker.run(1000, 200, 0.8);
  assert.ok(worker.refused.openers > 0);
});

Deno.test("Overload does not take a pause of the worker for overload", () => {
  const worker = new Worker(COSTS);
  worker.run(100, 50, 0.5);
  worker.standStill(60, 50, 0.5);
  worker.run(1000, 50, 0.5);
  assert.equal(worker.refused.openers, 0);
});

Deno.test("Overload asks the kernel once a millisecond at most", () => {
  const worker = new Worker(COSTS);
  worker.run(1000, 101, 0.5);
  assert.ok(worker.asked <= 1002, `asked ${worker.asked} times`);
});
