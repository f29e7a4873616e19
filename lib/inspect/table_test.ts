import assert from "node:assert/strict";
import { paintFor } from "./palette.ts";
import { type Column, renderTable } from "./table.ts";

interface Row {
  readonly name: string;
  readonly size: number;
  readonly up: boolean;
  readonly why: string | null;
}

const ROWS: Row[] = [
  { name: "a", size: 5, up: true, why: null },
  { name: "longer", size: 12_345, up: false, why: "connection to the agent lost" },
];

const COLUMNS: Column<Row>[] = [
  { name: "name", value: (row) => row.name },
  { name: "size", value: (row) => row.size, right: true, expendable: 1 },
  { name: "up", value: (row) => row.up, style: (row) => row.up ? "green" : "red", expendable: 2 },
  { name: "why", value: (row) => row.why, leastWidth: 12 },
];

const plain = paintFor({ colours: false });

Deno.test("texts go to the left, numbers to the right, and no line ends in spaces", () => {
  assert.equal(
    renderTable(ROWS, COLUMNS, { width: Infinity, paint: plain }),
    [
      "NAME     SIZE  UP   WHY",
      "a           5  yes  -",
      "longer  12345  no   connection to the agent lost",
      "",
    ].join("\n"),
  );
});

Deno.test("on a narrow terminal long texts are cut first, then columns go", () => {
  const at = (width: number) => renderTable(ROWS, COLUMNS, { width, paint: plain }).split("\n");
  assert.equal(at(40)[2], "longer  12345  no   connection to the a…");
  assert.equal(at(32)[2], "longer  12345  no   connection …");
  assert.equal(at(31)[2], "longer  12345  connection to t…");
  assert.equal(at(31)[3], "Not shown on a terminal this narrow: up");
  assert.equal(at(25)[2], "longer  connection to th…");
  assert.equal(at(10)[2], "longer  connection …");
});

Deno.test("of a page, no line is ever wider than the terminal", () => {
  const at = (width: number) =>
    renderTable(ROWS, COLUMNS, { width, paint: plain, isPage: true }).trimEnd().split("\n");
  assert.deepEqual(at(18), ["NAME    WHY", "a       -", "longer  connectio…"]);
  assert.deepEqual(at(8), ["NAME", "a", "longer"]);
  assert.deepEqual(at(3), ["NA…", "a", "lo…"]);
  for (let width = 1; width < 50; width++) {
    for (const line of at(width)) assert.ok(line.length <= width, `${width}: ${line}`);
  }
});

Deno.test("colours surround a cell without moving what follows", () => {
  const painted = renderTable(ROWS, COLUMNS, { width: 60, paint: paintFor({ colours: true }) });
  assert.ok(painted.includes("\x1b[32myes\x1b[39m  -"));
  assert.ok(painted.includes("\x1b[31mno \x1b[39m  connection"));
});

Deno.test("what came from another machine cannot command the terminal", () => {
  const row = { ...ROWS[0]!, name: "\x1b]0;owned\x07\u009b31m\n\u202ex" };
  const text = renderTable([row], COLUMNS, { width: Infinity, paint: plain });
  assert.equal(text.split("\n")[1]!.slice(0, 17), "?]0;owned??31m??x");
});
