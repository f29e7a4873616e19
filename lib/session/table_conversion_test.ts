import assert from "node:assert/strict";
import { DIRECT, F64, HEADER_F64, I32, regionBytes, U8 } from "./layout.ts";
import { formatTable } from "./session_records.ts";
import { type NewSession, SessionTable } from "./session_table.ts";
import { STATE } from "./tcp_state.ts";
import { convertTable } from "./table_conversion.ts";

const KEY = [3, 5] as const;

function tableOf(sessions: number, capacity: number): SessionTable {
  const region = new ArrayBuffer(regionBytes(capacity));
  formatTable(region, capacity, { epoch: 42, bootId: [1, 2, 3, 4] });
  const table = new SessionTable(region, KEY);
  const vip = table.internEndpoint(Int32Array.of(0, 0, 0xffff, 1), 0, 80);
  const server = table.internEndpoint(Int32Array.of(0, 0, 0xffff, 2), 0, 8080);
  const natAddress = table.internEndpoint(Int32Array.of(0, 0, 0xffff, 3), 0, 0);
  for (let i = 1; i <= sessions; i++) {
    const session: NewSession = {
      addresses: Int32Array.of(0, 0, 0xffff, 1000),
      clientOffset: 0,
      clientPort: i,
      vip,
      server,
      natAddress,
      natPort: 1023 + i,
      protocol: 6,
      state: STATE.established,
    };
    table.insert(session, 5);
  }
  return table;
}

function converted(table: SessionTable, capacity: number): SessionTable {
  const region = new ArrayBuffer(regionBytes(capacity));
  convertTable(table.header.buffer, region, capacity);
  return new SessionTable(region, KEY);
}

/** The id of the session that a client port finds, and the one that a NAT port finds. */
function found(table: SessionTable, i: number): [number, number] {
  const client = Int32Array.of(0, 0, 0xffff, 1000);
  const inbound = table.findInbound(client, 0, i, 1, 6);
  const outbound = table.findOutbound(2, 3, 1023 + i, 6);
  return [table.getF64(inbound, F64.id), table.getF64(outbound, F64.id)];
}

for (const capacity of [500, 100, 20]) {
  Deno.test(`a table of 100 goes on as one of ${capacity}, with every session and its name`, () => {
    const before = tableOf(20, 100);
    before.headerF64[HEADER_F64.generation] = 77;
    before.setGeneration(9, 7);
    before.setDirect(9, DIRECT.bytes, 3000);
    before.setGeneration(9, 7);
    before.setDirect(9, DIRECT.bytes, 4000);
    const after = converted(before, capacity);
    assert.deepEqual([after.capacity, after.used, after.epoch], [capacity, 20, 42]);
    assert.equal(after.headerF64[HEADER_F64.generation], 77);
    for (let i = 1; i <= 20; i++) assert.deepEqual(found(after, i), found(before, i));
    const direct = after.findOutbound(2, 3, 1023 + 9, 6);
    assert.deepEqual(
      [after.getI32(direct, I32.generation), after.getDirect(direct, DIRECT.bytes)],
      [7, 4000],
    );
    assert.equal(after.getBase(direct, DIRECT.bytes), 3000);
    assert.deepEqual(
      [after.getBase(direct, DIRECT.packets), after.getDirect(direct, DIRECT.packets)],
      [0, 0],
    );
  });
}

Deno.test("slots in between that are free cost no room", () => {
  const before = tableOf(20, 100);
  for (let slot = 1; slot <= 15; slot++) before.release(slot);
  const after = converted(before, 5);
  assert.equal(after.used, 5);
  for (let i = 16; i <= 20; i++) assert.deepEqual(found(after, i), [i, i]);
});

Deno.test("resting NAT endpoints give way to sessions, those with an instruction do not", () => {
  const before = tableOf(20, 100);
  for (let slot = 1; slot <= 15; slot++) before.setU8(slot, U8.state, STATE.quarantine);
  before.setU8(3, U8.hold, 1);
  const after = converted(before, 6);
  assert.equal(after.used, 6);
  for (const i of [3, 16, 17, 18, 19, 20]) assert.equal(found(after, i)[1], i);
});

Deno.test("a table that is too small for its sessions is refused", () => {
  assert.throws(() => converted(tableOf(20, 100), 19), {
    name: "RangeError",
    message: /holds 20 sessions, not 19/,
  });
});
