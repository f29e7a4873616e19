import assert from "node:assert/strict";
import { regionBytes } from "../session/layout.ts";
import { formatTable } from "../session/session_records.ts";
import { SessionTable } from "../session/session_table.ts";
import { SessionViewer } from "../session/session_view.ts";
import { STATE } from "../session/tcp_state.ts";
import { SessionRow } from "./session_row.ts";

const CONTEXT = { nowMs: 100, serviceName: () => "web", leaseMs: () => 0 };

Deno.test("a row is its session, and none once that has ended or another one has its slot", () => {
  const region = new ArrayBuffer(regionBytes(4));
  formatTable(region, 4, { epoch: 1, bootId: [] });
  const table = new SessionTable(region, [1, 2]);
  const [vip, server, natAddress] = [1, 2, 3].map((n) =>
    table.internEndpoint(Int32Array.of(0, 0, 0xffff, n), 0, n < 3 ? 80 : 0)
  ) as [number, number, number];
  const insert = (clientPort: number) =>
    table.insert({
      addresses: Int32Array.of(0, 0, 0xffff, 9),
      clientOffset: 0,
      ...{ clientPort, vip, server, natAddress },
      natPort: 1024,
      protocol: 6,
      state: STATE.established,
    }, 0);
  const viewer = new SessionViewer(table);
  const rowOf = (slot: number) => new SessionRow(table, slot, (it) => viewer.view(it, CONTEXT));

  const slot = insert(4000);
  const [seen, ended, replaced] = [rowOf(slot), rowOf(slot), rowOf(slot)];
  assert.equal(seen.view?.client, "0.0.0.9:4000");
  table.release(slot);
  assert.equal(ended.view, null);
  assert.equal(insert(4001), slot);
  assert.equal(replaced.view, null);
  assert.equal(ended.view, null);
  assert.equal(seen.view?.client, "0.0.0.9:4000");
});
