/** docs/rfc-compliance.md: every test that it names exists, and every clause that it calls met names one. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { CASES } from "./cases/all.ts";
import { familiesOf, titleOf, waysOf } from "./runner/case.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SHEET = Deno.readTextFileSync(`${ROOT}docs/rfc-compliance.md`);
const VERDICTS = ["met", "partly", "not met", "n/a"];

/** `clause | what | verdict | tests, or why`. */
const ROWS = SHEET.split("\n")
  .filter((line) => line.startsWith("| ") && !/^\| (Clause|-)/.test(line))
  .map((line) => line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim()));

/** “sentence” of a conformance case, or `file` “sentence” of a test elsewhere. */
function namedTests(text: string): { file: string | undefined; name: string }[] {
  return [...text.matchAll(/(?:`([^`]+_test\.ts)` )?“([^”]+)”/g)].map(([, file, name]) => ({
    file,
    name: name!,
  }));
}

Deno.test("the RFC sheet has a verdict in every row, and a test for whatever is met", () => {
  assert.ok(ROWS.length > 60, `${ROWS.length} rows`);
  for (const row of ROWS) {
    assert.equal(row.length, 4, row.join(" | "));
    const [clause, , verdict, why] = row as [string, string, string, string];
    assert.ok(VERDICTS.includes(verdict), `${clause}: ${verdict}`);
    if (verdict === "met" || verdict === "partly") {
      assert.ok(namedTests(why).length > 0, `${clause} names no test`);
    } else assert.ok(why.length > 10, `${clause} gives no reason`);
  }
});

Deno.test("every test that the RFC sheet names exists", () => {
  const cases = new Set(CASES.map(({ shows }) => shows));
  for (const { file, name } of namedTests(SHEET)) {
    if (file === undefined) assert.ok(cases.has(name), `No conformance case “${name}”`);
    else {
      const source = Deno.readTextFileSync(ROOT + file);
      assert.ok(source.includes(JSON.stringify(name)), `No test “${name}” in ${file}`);
    }
  }
});

Deno.test("no two conformance cases have one name", () => {
  const titles = CASES.flatMap((it) =>
    familiesOf(it).flatMap((family) => waysOf(it).map((way) => titleOf(it, way, family)))
  );
  assert.deepEqual(titles.filter((title, i) => titles.indexOf(title) !== i), []);
  const sentences = CASES.map(({ shows }) => shows);
  assert.deepEqual(sentences.filter((it, i) => sentences.indexOf(it) !== i), []);
});
