import assert from "node:assert/strict";
import fc from "fast-check";
import { formatTable, SessionRecords } from "./session_records.ts";
import { type NewSession, SessionTable, type TablePart } from "./session_table.ts";
import {
  BLOCK_SLOTS,
  DIRECT,
  F64,
  HEADER,
  HEADER_F64,
  MAXIMUM_CAPACITY,
  regionBytes,
  U16,
  U8,
} from "./layout.ts";
import { SessionIndex } from "./session_index.ts";
import { STATE } from "./tcp_state.ts";

function makeTable(capacity: number, part?: TablePart): SessionTable {
  const region = new ArrayBuffer(regionBytes(capacity));
  formatTable(region, capacity, { epoch: 42, bootId: [1, 2, 3, 4] });
  return new SessionTable(region, [7, 9], undefined, part);
}

function session(client: number, port: number, natPort: number): NewSession {
  return {
    addresses: Int32Array.of(0, 0, 0xffff, client),
    clientOffset: 0,
    clientPort: port,
    vip: 1,
    server: 2,
    natAddress: 3,
    natPort,
    protocol: 6,
    state: STATE.opening,
  };
}

Deno.test("a session is found from both directions until it is released", () => {
  const table = makeTable(16);
  const made = session(0x0a000001, 40000, 1024);
  const slot = table.insert(made, 100);
  assert.equal(table.findInbound(made.addresses, 0, 40000, 1, 6), slot);
  assert.equal(table.findOutbound(2, 3, 1024, 6), slot);
  assert.equal(table.findInbound(made.addresses, 0, 40000, 1, 17), 0);
  assert.equal(table.findOutbound(2, 3, 1025, 6), 0);
  table.detachInbound(slot);
  assert.equal(table.findInbound(made.addresses, 0, 40000, 1, 6), 0);
  assert.equal(table.findOutbound(2, 3, 1024, 6), slot);
  table.release(slot);
  assert.equal(table.findOutbound(2, 3, 1024, 6), 0);
  assert.equal(table.used, 0);
});

Deno.test("a full table says so and takes sessions again after a release", () => {
  const table = makeTable(4);
  const slots = [1, 2, 3, 4].map((n) => table.insert(session(n, n, n), 0));
  assert.ok(table.full);
  assert.equal(table.insert(session(5, 5, 5), 0), 0);
  table.release(slots[2]!);
  assert.ok(!table.full);
  assert.equal(table.insert(session(5, 5, 5), 0), slots[2]);
});

Deno.test("a second process finds every session after taking the region over", () => {
  const region = new ArrayBuffer(regionBytes(1000));
  formatTable(region, 1000, { epoch: 1, bootId: [] });
  const first = new SessionTable(region, [1, 2]);
  const vip = first.internEndpoint(Int32Array.of(0, 0, 0xffff, 5), 0, 80);
  first.internEndpoint(Int32Array.of(0, 0, 0xffff, 6), 0, 8080);
  first.internEndpoint(Int32Array.of(0, 0, 0xffff, 7), 0, 0);
  for (let n = 1; n <= 900; n++) first.insert(session(n, n, n), n);
  for (let slot = 100; slot < 200; slot++) first.release(slot);
  const second = new SessionTable(region, [3, 4]);
  assert.equal(second.used, 800);
  assert.equal(second.findEndpoint(Int32Array.of(0, 0, 0xffff, 5), 0, 80), vip);
  for (let n = 1; n <= 900; n++) {
    const found = second.findOutbound(2, 3, n, 6);
    assert.equal(found === 0, n >= 100 && n < 200);
    if (found !== 0) assert.equal(second.getU16(found, U16.natPort), n);
  }
  assert.equal(new SessionRecords(region).used, 800);
});

Deno.test("random insertions and releases agree with a plain map", () => {
  const operations = fc.array(
    fc.record({ key: fc.integer({ min: 1, max: 60 }), remove: fc.boolean() }),
    { maxLength: 400 },
  );
  fc.assert(fc.property(operations, (list) => {
    const table = makeTable(40);
    const model = new Map<number, number>();
    for (const { key, remove } of list) {
      const known = model.get(key);
      if (remove) {
        if (known === undefined) continue;
        table.release(known);
        model.delete(key);
      } else if (known === undefined) {
        const slot = table.insert(session(key, key, key), 0);
        assert.equal(slot === 0, model.size === 40);
        if (slot !== 0) model.set(key, slot);
      }
      for (let probe = 1; probe <= 60; probe++) {
        const expected = model.get(probe) ?? 0;
        assert.equal(table.findOutbound(2, 3, probe, 6), expected);
        assert.equal(
          table.findInbound(Int32Array.of(0, 0, 0xffff, probe), 0, probe, 1, 6),
          expected,
        );
      }
    }
  }));
});

Deno.test("bytes that are no session table are refused with the reason", () => {
  assert.throws(() => new SessionRecords(new ArrayBuffer(10)), /too short/);
  assert.throws(() => new SessionRecords(new ArrayBuffer(8192)), /not a session table/);
  const region = new ArrayBuffer(regionBytes(8));
  formatTable(region, 8, { epoch: 1, bootId: [] });
  assert.throws(() => new SessionRecords(region.slice(0, region.byteLength - 1)), /cut short/);
  for (const [field, value] of [[HEADER.dictionaryUsed, 2 ** 30], [HEADER.highWater, 9]] as const) {
    const damaged = region.slice();
    new Int32Array(damaged)[field] = value;
    assert.throws(() => new SessionRecords(damaged), /header is damaged/);
  }
  for (const field of [HEADER_F64.epoch, HEADER_F64.nextId, HEADER_F64.generation]) {
    const damaged = region.slice();
    new Float64Array(damaged)[field] = NaN;
    assert.throws(() => new SessionRecords(damaged), /header is damaged/);
  }
  new Int32Array(region)[1] = 99;
  assert.throws(() => new SessionRecords(region), /layout version 99/);
});

Deno.test("damaged records are given up, and cost no other session", () => {
  const region = new ArrayBuffer(regionBytes(16));
  formatTable(region, 16, { epoch: 1, bootId: [] });
  const before = new SessionTable(region, [1, 2]);
  for (const port of [80, 8080, 0]) before.internEndpoint(Int32Array.of(0, 0, 0xffff, 5), 0, port);
  for (let n = 1; n <= 8; n++) before.insert(session(n, n, n), n);
  before.setU8(1, U8.state, 200);
  before.setU8(2, U8.protocol, 99);
  before.setU16(3, U16.server, 4);
  before.setU16(4, U16.natAddress, 2);
  before.setF64(5, F64.lastSeenMs, NaN);
  before.setF64(6, F64.id, -1);
  before.setU8(7, U8.flags, 0);
  const after = new SessionTable(region, [3, 4]);
  assert.equal(after.used, 1);
  assert.equal(after.findOutbound(2, 3, 8, 6), 8);
  for (let n = 1; n <= 7; n++) assert.equal(after.findOutbound(2, 3, n, 6), 0);
});

Deno.test("what went directly counts from a session's first instruction, whoever had its slot before", () => {
  const table = makeTable(4);
  const before = table.insert(session(1, 1, 1), 0);
  assert.equal(table.getDirect(before, DIRECT.packets), 0);
  table.setGeneration(before, 5);
  table.setDirect(before, DIRECT.packets, 100);
  table.setGeneration(before, 6);
  assert.equal(table.getBase(before, DIRECT.packets), 100);
  table.release(before);
  const after = table.insert(session(2, 2, 2), 0);
  assert.equal(after, before);
  assert.equal(table.getDirect(after, DIRECT.packets), 0);
  table.setGeneration(after, 7);
  const fields = Object.values(DIRECT);
  assert.deepEqual(fields.map((it) => [table.getDirect(after, it), table.getBase(after, it)]), [
    [0, 0],
    [0, 0],
  ]);
});

Deno.test("what went directly before a generation is kept exactly up to 2^48", () => {
  const table = makeTable(2);
  const slot = table.insert(session(1, 1, 1), 0);
  table.setGeneration(slot, 1);
  const count = fc.integer({ min: 0, max: 2 ** 48 - 1 });
  fc.assert(fc.property(count, count, (packets, bytes) => {
    table.setDirect(slot, DIRECT.packets, packets);
    table.setDirect(slot, DIRECT.bytes, bytes);
    table.setGeneration(slot, 2);
    assert.deepEqual([0, 1].map((field) => table.getBase(slot, field)), [packets, bytes]);
  }));
});

Deno.test("a session takes at most 160 bytes of the file, the dictionary included, and 12 of the index", () => {
  for (const capacity of [2 ** 20, MAXIMUM_CAPACITY]) {
    assert.ok(regionBytes(capacity) <= 160 * capacity);
    assert.equal(SessionIndex.bytes(capacity), 12 * capacity);
  }
});

Deno.test("a process that takes the table over and comes to nothing leaves it as it was for the one before", () => {
  const capacity = BLOCK_SLOTS * 4;
  const region = new ArrayBuffer(regionBytes(capacity));
  formatTable(region, capacity, { epoch: 42, bootId: [1, 2, 3, 4] });
  const parts = [0, 1].map((worker) =>
    new SessionTable(region, [7, 9], undefined, { worker, workers: 2 })
  );
  let port = 1024;
  const fill = () =>
    parts.flatMap((part, worker) => {
      const slots: number[] = [];
      while (!part.full) {
        port += 2;
        slots.push(part.insert(session(1, port, port + worker), 0));
      }
      return slots;
    });
  const before = fill();
  for (const slot of before) parts.find((part) => part.owns(slot))!.release(slot);
  const bytes = new Uint8Array(region).slice();
  assert.equal(new SessionTable(region, [3, 4]).used, 0);
  assert.deepEqual(new Uint8Array(region), bytes);
  const after = fill();
  assert.equal(after.length, capacity);
  assert.equal(new Set(after).size, capacity);
});

Deno.test("a table in which sessions come and go finds all of them when it is as full as it gets", () => {
  const capacity = 2_000;
  const table = makeTable(capacity);
  const slots = new Map<number, number>();
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
  for (let round = 0; round < 20; round++) {
    while (slots.size < capacity) {
      const key = 1 + random(60_000);
      if (!slots.has(key)) slots.set(key, table.insert(session(key, key, key), 0));
    }
    for (const [key, slot] of slots) {
      const { addresses } = session(key, key, key);
      assert.equal(table.findInbound(addresses, 0, key, 1, 6), slot);
      assert.equal(table.findOutbound(2, 3, key, 6), slot);
    }
    for (const [key, slot] of [...slots].filter(() => random(3) === 0)) {
      table.release(slot);
      slots.delete(key);
      assert.equal(table.findOutbound(2, 3, key, 6), 0);
    }
  }
});

Deno.test("the last slot of the largest table is found like the first", () => {
  assert.equal(MAXIMUM_CAPACITY, 8_388_608);
  // All of it is made, and hardly any of it touched.
  const blocks = MAXIMUM_CAPACITY / BLOCK_SLOTS;
  // Its blocks begin with the last one.
  const table = makeTable(MAXIMUM_CAPACITY, { worker: blocks, workers: blocks + 1 });
  const slot = table.insert(session(1, 2, 3), 0);
  assert.equal(slot, MAXIMUM_CAPACITY);
  const client = session(1, 2, 3).addresses;
  assert.equal(table.findInbound(client, 0, 2, 1, 6), slot);
  assert.equal(table.findOutbound(2, 3, 3, 6), slot);
  table.setGeneration(slot, 1);
  table.setBase(slot, 0, 9);
  assert.equal(table.getBase(slot, DIRECT.bytes), 9);
  table.release(slot);
  assert.equal(table.findOutbound(2, 3, 3, 6), 0);
});

Deno.test("several workers have a table among them, whatever their number was before", () => {
  const capacity = 1000;
  const region = new ArrayBuffer(regionBytes(capacity));
  formatTable(region, capacity, { epoch: 42, bootId: [1, 2, 3, 4] });
  // The endpoints that every session here is made of.
  new Int32Array(region)[HEADER.dictionaryUsed] = 4;
  let random = 1;
  const below = (count: number) => {
    random = Math.imul(random, 1103515245) + 12345 | 0;
    return (random >>> 16) % count;
  };
  /** By NAT port: the slot and the id. */
  const living = new Map<number, readonly [number, number]>();
  const ids = new Set<number>();
  for (const workers of [1, 3, 2, 5, 1]) {
    const parts = Array.from(
      { length: workers },
      (_, worker) => new SessionTable(region, [7, 9], undefined, { worker, workers }),
    );
    assert.equal(parts[0]!.used, living.size);
    for (const [port, [slot]] of living) {
      parts.forEach((part, worker) => {
        assert.equal(part.findOutbound(2, 3, port, 6), port % workers === worker ? slot : 0);
      });
    }
    for (let n = 0; n < 3000; n++) {
      const port = 1024 + below(1200);
      const part = parts[port % workers]!;
      const known = living.get(port);
      if (known !== undefined) {
        part.release(known[0]);
        living.delete(port);
        continue;
      }
      const slot = part.insert(session(port, 40000, port), n);
      if (slot === 0) continue;
      assert.ok(![...living.values()].some(([other]) => other === slot), `slot ${slot} twice`);
      const id = part.getF64(slot, F64.id);
      assert.ok(!ids.has(id), `id ${id} twice`);
      ids.add(id);
      living.set(port, [slot, id]);
      assert.ok(slot <= part.highWater);
    }
    assert.ok(living.size > 300, `${living.size} live`);
  }
});

Deno.test("a table that is full is full for each of its workers, at its own share", () => {
  const region = new ArrayBuffer(regionBytes(BLOCK_SLOTS * 4));
  formatTable(region, BLOCK_SLOTS * 4, { epoch: 42, bootId: [1, 2, 3, 4] });
  const parts = [0, 1].map((worker) =>
    new SessionTable(region, [7, 9], undefined, { worker, workers: 2 })
  );
  const counts = parts.map((part, worker) => {
    let count = 0;
    while (!part.full) part.insert(session(1, 2, 1024 + 2 * count++ + worker), 0);
    assert.equal(part.insert(session(1, 2, 3), 0), 0);
    return count;
  });
  // Slot 0 is none, and the last block has one slot.
  assert.deepEqual(counts, [2 * BLOCK_SLOTS, 2 * BLOCK_SLOTS]);
  assert.equal(parts[0]!.used, 4 * BLOCK_SLOTS);
});
