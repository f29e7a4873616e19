import assert from "node:assert/strict";
import { INSTRUCTION, regionBytes, U8 } from "../session/layout.ts";
import { formatTable } from "../session/session_records.ts";
import { SessionTable } from "../session/session_table.ts";
import { STATE } from "../session/tcp_state.ts";
import { IpAddress } from "../wire/address.ts";
import { CensusTaker } from "./table_census.ts";

const CAPACITY = 50_000;

/** A table with sessions towards two servers in turn, and what counts them. */
function makeTable(sessions: number, pause?: () => Promise<void>) {
  const region = new ArrayBuffer(regionBytes(CAPACITY));
  formatTable(region, CAPACITY, { epoch: 1, bootId: [] });
  const table = new SessionTable(region, [1, 2]);
  const entry = (text: string, port: number) =>
    table.internEndpoint(IpAddress.parse(text).words, 0, port);
  const vip = entry("203.0.113.10", 80);
  const servers = [entry("10.0.0.11", 8080), entry("10.0.0.12", 8080)];
  const natAddress = entry("10.0.1.1", 0);
  for (let n = 0; n < sessions; n++) {
    table.insert({
      addresses: Int32Array.of(0, 0, 0xffff, n),
      clientOffset: 0,
      clientPort: 40_000,
      vip,
      server: servers[n % 2]!,
      natAddress,
      natPort: 1 + n,
      protocol: 6,
      state: STATE.established,
    }, 0);
  }
  return { table, census: new CensusTaker(table, pause) };
}

Deno.test("a census counts by service and by server, what bypasses apart, and leaves out what is over", async () => {
  const { table, census } = makeTable(10);
  table.setU8(1, U8.instruction, INSTRUCTION.installed);
  table.setU8(2, U8.state, STATE.closed);
  table.setU8(3, U8.state, STATE.quarantine);
  table.release(4);
  const { total, bypass, sessions, bypassing } = await census.take();
  assert.deepEqual([total, bypass], [8, 1]);
  const vip = "tcp 203.0.113.10:80";
  assert.deepEqual(
    Object.fromEntries(sessions),
    { [vip]: 7, [`${vip} 10.0.0.11:8080`]: 4, [`${vip} 10.0.0.12:8080`]: 3 },
  );
  assert.deepEqual(Object.fromEntries(bypassing), { [vip]: 1, [`${vip} 10.0.0.11:8080`]: 1 });
});

Deno.test("a large table is counted in several turns", async () => {
  let turns = 1;
  const { census } = makeTable(CAPACITY, () => {
    turns++;
    return Promise.resolve();
  });
  assert.equal((await census.take()).total, CAPACITY);
  assert.equal(turns, 4);
});

Deno.test("whoever asks while others wait shares their count, and while it goes on gets one of his own", async () => {
  const turn = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const { table, census } = makeTable(20_000, () => {
    begun.resolve();
    return turn.promise;
  });
  const [first, second] = [census.take(), census.take()];
  assert.equal(first, second);
  await begun.promise;
  // What it has counted already.
  const later = census.take();
  table.release(1);
  turn.resolve();
  assert.equal((await first).total, 20_000);
  assert.equal((await later).total, 19_999);
});

Deno.test("a count that goes on when the table goes away comes to nothing", async () => {
  const turn = Promise.withResolvers<void>();
  const { census } = makeTable(20_000, () => turn.promise);
  const taken = census.take();
  census.stop();
  turn.resolve();
  await assert.rejects(taken, /the NAT machine stops/);
});
