import assert from "node:assert/strict";
import type { InspectHost } from "./host.ts";
import { RowPrinter } from "./print_rows.ts";

const printer = new RowPrinter<{ n: number }>([{ name: "n", value: (row) => row.n }], {
  kind: "number",
  id: (row) => String(row.n),
  value: (row) => row.n,
});

/** What is written of so many rows, and how many were taken before the first of it was. */
async function printed(count: number, options: { json: boolean; limit?: number }) {
  let taken = 0;
  let takenFirst = 0;
  let text = "";
  const write = (part: string) => {
    if (text === "") takenFirst = taken;
    text += part;
    return Promise.resolve();
  };
  const host = {
    write,
    columns: Infinity,
    tableRows: Infinity,
    colours: false,
  } as unknown as InspectHost;
  function* rows() {
    for (let n = 0; n < count; n++) {
      taken++;
      yield { n };
    }
  }
  await printer.prepare(options, host)(rows());
  return { text, taken, takenFirst };
}

Deno.test("JSON of any number of rows is written as they come", async () => {
  for (const count of [0, 1, 1000, 1001, 25_000]) {
    const { text, takenFirst } = await printed(count, { json: true });
    assert.deepEqual(JSON.parse(text), Array.from({ length: count }, (_, n) => ({ n })));
    assert.ok(takenFirst <= 1000, `${takenFirst} rows were held`);
  }
});

Deno.test("a table of very many rows is written in pages, each with its heading", async () => {
  const { text, takenFirst } = await printed(25_000, { json: false });
  assert.equal(takenFirst, 10_000);
  const lines = text.trimEnd().split("\n");
  assert.equal(lines.filter((line) => line.trim() === "N").length, 3);
  assert.equal(lines.filter((line) => /^ *\d+$/.test(line)).length, 25_000);
  assert.equal((await printed(0, { json: false })).text, "N\n");
});

Deno.test("a limit ends the reading of rows too", async () => {
  assert.equal((await printed(25_000, { json: true, limit: 3 })).taken, 3);
});
