import assert from "node:assert/strict";
import { type Finding, readFacts } from "./source_facts.ts";

function texts(findings: readonly Finding[]): string[] {
  return findings.map((finding) => finding.text);
}

Deno.test("readFacts() finds every way to import, and not what only looks like one", () => {
  const facts = readFacts(
    "a.ts",
    `import type { A } from "./a.ts";
export { b } from "./b.ts";
export * from "./c.ts";
export const d: import("./d.ts").D = 1;
// import "./comment.ts";
const text = 'import "./string.ts"';
const e = await import("./e.ts");
const f = await import(text);
`,
  );
  assert.deepEqual(texts(facts.imports).sort(), ["./a.ts", "./b.ts", "./c.ts", "./d.ts"]);
  assert.deepEqual(facts.dynamicImports, [{ text: "./e.ts", line: 7 }, { text: "", line: 8 }]);
});

Deno.test("readFacts() finds names that are read, and not the names of members", () => {
  const { names } = readFacts(
    "a.ts",
    "Deno.test.only(); const o = { crypto: Date }; o.console; Math.random(); class C { fetch() {} }",
  );
  const found = new Set(texts(names));
  assert.ok(found.has("Date") && found.has("Math.random") && found.has("Deno.test.only"));
  for (const name of ["crypto", "console", "fetch"]) assert.ok(!found.has(name), name);
});

Deno.test("readFacts() finds comments, properties of import.meta and workers", () => {
  const facts = readFacts(
    "a.ts",
    `// one
/* two */
if (import.meta.main) start({ path: "lib/nat/a_worker.ts", name: import.meta.url });
`,
  );
  assert.deepEqual(texts(facts.comments), [" one", " two "]);
  assert.deepEqual(texts(facts.metaProperties), ["main", "url"]);
  assert.deepEqual(facts.workers, [{ text: "lib/nat/a_worker.ts", line: 3 }]);
});
