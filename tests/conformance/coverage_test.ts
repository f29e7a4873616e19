/** Every requirement has a case, or says where else it is shown, or why it is not. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { CASES } from "./cases/all.ts";
import { CATALOGUE, ELSEWHERE } from "./elsewhere.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const IN_CASES = new Set(CASES.flatMap(({ ids }) => ids));

Deno.test("every requirement has a case, or is shown elsewhere, or says why not", () => {
  const missing = CATALOGUE.filter((id) => !IN_CASES.has(id) && ELSEWHERE[id] === undefined);
  assert.deepEqual(missing, []);
  assert.deepEqual(Object.keys(ELSEWHERE).filter((id) => !CATALOGUE.includes(id)), []);
  assert.deepEqual(Object.keys(ELSEWHERE).filter((id) => IN_CASES.has(id)), []);
});

Deno.test("what shows a requirement elsewhere exists", () => {
  for (const [id, text] of Object.entries(ELSEWHERE)) {
    for (const [, file, name] of text.matchAll(/`([^`]+_test\.ts)`(?: “([^”]+)”)?/g)) {
      const source = Deno.readTextFileSync(ROOT + file!);
      const isThere = name === undefined || source.includes(JSON.stringify(name));
      assert.ok(isThere, `${id}: no test “${name}” in ${file}`);
    }
  }
});
