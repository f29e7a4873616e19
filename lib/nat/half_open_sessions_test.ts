import assert from "node:assert/strict";
import { DIRECT, F64, regionBytes, U8 } from "../session/layout.ts";
import { formatTable } from "../session/session_records.ts";
import { SessionTable } from "../session/session_table.ts";
import { STATE } from "../session/tcp_state.ts";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/protocol.ts";
import { HalfOpenSessions } from "./half_open_sessions.ts";

const CAPACITY = 1_100;

/** As many sessions of one protocol as half-open ones may be, all in the same state. */
function tableOf(protocol: number, state: number): SessionTable {
  const region = new ArrayBuffer(regionBytes(CAPACITY));
  formatTable(region, CAPACITY, { epoch: 7, bootId: [] });
  const table = new SessionTable(region, [3, 5]);
  for (let n = 1; n <= 1_024; n++) {
    table.insert({
      ...{ addresses: new Int32Array(8), clientOffset: 0, clientPort: n, natPort: n },
      ...{ vip: 1, server: 2, natAddress: 3, protocol, state },
    }, 0);
  }
  return table;
}

function adopted(table: SessionTable): HalfOpenSessions {
  const halfOpen = new HalfOpenSessions(table);
  for (let slot = 1; slot <= table.highWater; slot++) halfOpen.adopt(slot);
  return halfOpen;
}

Deno.test("who goes on with a table counts datagrams' sessions that rest unanswered, and no others", () => {
  assert.ok(adopted(tableOf(PROTOCOL_UDP, STATE.opening)).udpFull);
  const resting = tableOf(PROTOCOL_UDP, STATE.quarantine);
  assert.ok(adopted(resting).udpFull);
  for (const answer of ["via NAT", "directly"]) {
    const table = tableOf(PROTOCOL_UDP, STATE.quarantine);
    table.setGeneration(1, 1);
    if (answer === "directly") table.setDirect(1, DIRECT.packets, 1);
    else table.setF64(1, F64.packetsViaNat, 1);
    assert.ok(!adopted(table).udpFull, "one of them was answered");
  }
  assert.ok(!adopted(tableOf(PROTOCOL_UDP, STATE.established)).udpFull);
  const tcp = adopted(tableOf(PROTOCOL_TCP, STATE.opening));
  assert.deepEqual([tcp.tcpFull, tcp.udpFull], [true, false]);
  assert.ok(!adopted(tableOf(PROTOCOL_TCP, STATE.quarantine)).tcpFull);
});

Deno.test("only sessions of TCP are displaced, the oldest first", () => {
  assert.equal(adopted(tableOf(PROTOCOL_UDP, STATE.opening)).displaceable(0), 0);
  const table = tableOf(PROTOCOL_TCP, STATE.opening);
  const halfOpen = adopted(table);
  assert.equal(halfOpen.displaceable(0), 1);
  assert.equal(halfOpen.displaceable(9), 0, "none is towards that server");
  table.setU8(1, U8.hold, 1);
  assert.equal(halfOpen.displaceable(2), 2);
  halfOpen.rests(2);
  assert.equal(halfOpen.displaceable(2), 3);
});
