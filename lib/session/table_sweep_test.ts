import assert from "node:assert/strict";
import fc from "fast-check";
import { regionBytes } from "./layout.ts";
import { formatTable } from "./session_records.ts";
import { SessionTable } from "./session_table.ts";
import { STATE } from "./tcp_state.ts";
import { TableSweep } from "./table_sweep.ts";

const CAPACITY = 60;

/** A table to which sessions with numbers of their own come, told apart by their NAT port. */
function makeTable() {
  const region = new ArrayBuffer(regionBytes(CAPACITY));
  formatTable(region, CAPACITY, { epoch: 1, bootId: [] });
  const table = new SessionTable(region, [1, 2]);
  let made = 0;
  const open = () =>
    table.insert({
      addresses: Int32Array.of(0, 0, 0xffff, 7),
      clientOffset: 0,
      clientPort: ++made,
      vip: 1,
      server: 2,
      natAddress: 3,
      natPort: made,
      protocol: 6,
      state: STATE.established,
    }, 0);
  return { table, open };
}

Deno.test("a sweep looks at no more slots in one step than it may", () => {
  const { table, open } = makeTable();
  for (let i = 0; i < 50; i++) open();
  const sweep = new TableSweep(table);
  assert.ok(sweep.done);
  sweep.begin();
  let visited = 0;
  const steps = [];
  while (!sweep.done) {
    const before = visited;
    sweep.step(8, () => visited++);
    steps.push(visited - before);
  }
  assert.deepEqual(steps, [8, 8, 8, 8, 8, 8, 2]);
});

Deno.test("while sessions come and go a sweep visits each that it began with once, unless it ended", () => {
  const turn = fc.record({ ends: fc.array(fc.nat(CAPACITY)), opens: fc.nat(5), budget: fc.nat(9) });
  fc.assert(fc.property(fc.nat(CAPACITY), fc.array(turn), (first, turns) => {
    const { table, open } = makeTable();
    const port = (slot: number) => table.getU16(slot, 9);
    const living = new Map<number, number>();
    for (let i = 0; i < first; i++) {
      const slot = open();
      living.set(slot, port(slot));
    }
    const awaited = new Set(living.values());
    const sweep = new TableSweep(table);
    sweep.begin();
    const visit = (slot: number) => assert.ok(awaited.delete(port(slot)), "twice, or too new");
    for (const { ends, opens, budget } of turns) {
      for (const slot of ends) {
        if (!living.has(slot)) continue;
        assert.equal(sweep.awaits(slot), awaited.has(port(slot)));
        awaited.delete(port(slot));
        living.delete(slot);
        table.release(slot);
      }
      for (let i = 0; i < opens && !table.full; i++) {
        const slot = open();
        living.set(slot, port(slot));
        assert.ok(!sweep.awaits(slot));
      }
      sweep.step(budget, visit);
    }
    sweep.step(CAPACITY, visit);
    assert.ok(sweep.done);
    assert.equal(awaited.size, 0);
  }));
});
