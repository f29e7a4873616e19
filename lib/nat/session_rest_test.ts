import assert from "node:assert/strict";
import { F64, U8 } from "../session/layout.ts";
import type { SessionTable } from "../session/session_table.ts";
import { STATE } from "../session/tcp_state.ts";
import { Bench, config, service } from "./_test_translator.ts";

class Killed extends Error {}

/** The table takes so many writes more; the next one throws. */
function killAfter(table: SessionTable, writes: number): void {
  let left = writes;
  for (const name of ["setU8", "setF64"] as const) {
    const set = table[name].bind(table);
    table[name] = (slot, field, value) => {
      if (left-- <= 0) throw new Killed();
      set(slot, field, value);
    };
  }
}

Deno.test("wherever a process is killed while a NAT endpoint's rest begins, the endpoint rests its time", () => {
  const states = new Set<number>();
  for (let writes = 0; writes < 5; writes++) {
    const bench = new Bench({ config: config({ services: [service({ protocol: 17 })] }) });
    bench.send({
      protocol: "udp",
      source: "198.51.100.2:40000",
      destination: "203.0.113.10:80",
    });
    killAfter(bench.table, writes);
    try {
      bench.pass(31_000);
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    }
    const { table } = new Bench({ after: bench });
    const state = table.getU8(1, U8.state);
    states.add(state);
    if (state !== STATE.quarantine) continue;
    assert.equal(table.getF64(1, F64.lastSeenMs), bench.nowMs, `killed after ${writes} writes`);
  }
  assert.deepEqual(states, new Set([STATE.opening, STATE.quarantine]));
});
