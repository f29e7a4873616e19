import assert from "node:assert/strict";
import fc from "fast-check";
import { endpointOrder, parseSort, pick, sortKeys } from "./sort.ts";
import type { Column } from "./table.ts";

interface Row {
  readonly name: string;
  readonly size: number | null;
}

const COLUMNS: Column<Row>[] = [
  { name: "name", value: (row) => row.name },
  { name: "size", value: (row) => row.size },
];
const KEYS = sortKeys(COLUMNS, { length: (row) => row.name.length });

function sorted(sort: string, rows: Row[]): string {
  return pick(rows, { sort: parseSort(sort, KEYS), limit: Infinity }).map((row) => row.name)
    .join(" ");
}

Deno.test("a key sorts upwards, with a minus downwards, several one after the other", () => {
  const rows = [{ name: "b", size: 1 }, { name: "aa", size: 2 }, { name: "c", size: 1 }];
  assert.equal(sorted("name", rows), "aa b c");
  assert.equal(sorted("-name", rows), "c b aa");
  assert.equal(sorted("size,-name", rows), "c b aa");
  assert.equal(sorted("+size, name", rows), "b c aa");
  assert.equal(sorted("-length", rows), "aa b c");
});

Deno.test("what is not there comes last in either direction", () => {
  const rows = [{ name: "none", size: null }, { name: "one", size: 1 }, { name: "two", size: 2 }];
  assert.equal(sorted("size", rows), "one two none");
  assert.equal(sorted("-size", rows), "two one none");
});

Deno.test("an unknown key names those that there are", () => {
  assert.throws(() => parseSort("sizes", KEYS), {
    message: 'Cannot sort by "sizes": there is name, size, length; -KEY sorts downwards',
    exit: 2,
  });
  assert.throws(() => parseSort("", KEYS), { exit: 2 });
});

Deno.test("pick() takes what sorting all of them and cutting would", () => {
  const rows = fc.array(fc.record({ name: fc.string(), size: fc.integer({ min: 0, max: 99 }) }), {
    maxLength: 5000,
    size: "max",
  });
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 600 }), (list, limit) => {
      const sort = parseSort("size", KEYS);
      const all = [...list].sort((a, b) => a.size - b.size).slice(0, limit);
      assert.deepEqual(pick(list, { sort, limit }), all);
    }),
    { numRuns: 30 },
  );
});

Deno.test("pick() without an order reads no further than it must", () => {
  let read = 0;
  function* endless(): Generator<number> {
    for (;;) yield read++;
  }
  assert.deepEqual(pick(endless(), { sort: [], limit: 3 }), [0, 1, 2]);
  assert.equal(read, 3);
});

Deno.test("endpointOrder() orders endpoints as the numbers that they are", () => {
  const inOrder = [
    "9.0.0.1:80",
    "10.0.0.9:80",
    "10.0.0.9:443",
    "10.0.0.11:80",
    "[2001:db8::9]:80",
    "[2001:db8::a]:80",
    "[2001:db8::10]:80",
    "[2001:db8::10]:443",
  ];
  const shuffled = [...inOrder].reverse();
  assert.deepEqual(shuffled.sort((a, b) => endpointOrder(a) < endpointOrder(b) ? -1 : 1), inOrder);
});
