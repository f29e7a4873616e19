import assert from "node:assert/strict";
import { DIRECT, F64, INSTRUCTION, regionBytes, U8 } from "../session/layout.ts";
import { formatTable } from "../session/session_records.ts";
import { SessionTable } from "../session/session_table.ts";
import { STATE } from "../session/tcp_state.ts";
import { parseEndpoint } from "../wire/address.ts";
import { SessionRates } from "./session_rates.ts";

function makeTable(): SessionTable {
  const region = new ArrayBuffer(regionBytes(100));
  formatTable(region, 100, { epoch: 1, bootId: [] });
  return new SessionTable(region, [1, 2]);
}

function add(table: SessionTable, clientPort: number, createdMs: number): number {
  const entry = (text: string) => {
    const { address, port } = parseEndpoint(text);
    return table.internEndpoint(address.words, 0, port);
  };
  return table.insert({
    addresses: parseEndpoint("198.51.100.2:1").address.words,
    clientOffset: 0,
    clientPort,
    vip: entry("203.0.113.10:80"),
    server: entry("10.0.0.11:8080"),
    natAddress: entry("10.0.1.1:0"),
    natPort: clientPort,
    protocol: 6,
    state: STATE.established,
  }, createdMs);
}

Deno.test("the first look knows no rates: nobody knows when the bytes came", () => {
  const table = makeTable();
  table.setF64(add(table, 1, 500), F64.bytesViaNat, 1e9);
  const { passedMs, servers } = new SessionRates(table).look(1000, 10);
  assert.equal(passedMs, 0);
  assert.deepEqual([...servers.values()], [
    { fromClient: 0, viaNat: 0, viaBypass: 0, sessions: 1, bypassing: 0 },
  ]);
});

Deno.test("later looks tell what was carried by path, and the busiest first", () => {
  const table = makeTable();
  const [slow, fast] = [add(table, 1, 500), add(table, 2, 500)];
  const rates = new SessionRates(table);
  rates.look(1000, 10);
  table.setF64(slow, F64.bytesViaNat, 1000);
  table.setF64(fast, F64.bytesViaNat, 3000);
  table.setGeneration(fast, 1);
  table.setDirect(fast, DIRECT.bytes, 7000);
  table.setU8(fast, U8.instruction, INSTRUCTION.installed);
  const { passedMs, servers, busiest } = rates.look(3000, 1);
  assert.equal(passedMs, 2000);
  assert.deepEqual([...servers.values()], [
    { fromClient: 0, viaNat: 4000, viaBypass: 7000, sessions: 2, bypassing: 1 },
  ]);
  assert.deepEqual(busiest.map(({ slot }) => slot), [fast]);
  // 10,000 bytes in two seconds, smoothed over two.
  assert.ok(Math.abs(busiest[0]!.rate - 5000 * (1 - Math.exp(-1))) < 1);
});

Deno.test("a session that began since the look before counts from nothing, and one whose slot another had too", () => {
  const table = makeTable();
  const old = add(table, 1, 500);
  table.setF64(old, F64.bytesViaNat, 500);
  const rates = new SessionRates(table);
  rates.look(1000, 10);
  table.setF64(add(table, 2, 1500), F64.bytesFromClient, 30);
  // The slot's next session.
  table.setF64(old, F64.id, 77);
  table.setF64(old, F64.createdMs, 1600);
  table.setF64(old, F64.bytesViaNat, 40);
  const [load] = [...rates.look(2000, 10).servers.values()];
  assert.deepEqual([load!.fromClient, load!.viaNat], [30, 40]);
});

Deno.test("sessions that are over are no longer counted, what they carried is", () => {
  const table = makeTable();
  const slot = add(table, 1, 500);
  const rates = new SessionRates(table);
  rates.look(1000, 10);
  table.setF64(slot, F64.bytesViaNat, 900);
  table.setU8(slot, U8.state, STATE.closed);
  const { servers, busiest } = rates.look(2000, 10);
  assert.deepEqual([...servers.values()], [
    { fromClient: 0, viaNat: 900, viaBypass: 0, sessions: 0, bypassing: 0 },
  ]);
  assert.deepEqual(busiest, []);
});
