/** docs/benchmarks.md is what `bypath lab bench --markdown` prints, formatted. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { BENCHES } from "../lab/bench/all.ts";
import { MARKDOWN_HEAD } from "../lab/bench/markdown.ts";

const DOCUMENT = Deno.readTextFileSync(
  fileURLToPath(new URL("../docs/benchmarks.md", import.meta.url)),
);

/** The formatter breaks lines and pads tables. */
function words(text: string): string {
  return text.replaceAll(/-{3,}/g, "---").replaceAll(/\s+/g, " ").trim();
}

Deno.test("docs/benchmarks.md begins as the bench writes it", () => {
  assert.ok(words(DOCUMENT).startsWith(words(MARKDOWN_HEAD)), "print it again with --markdown");
});

Deno.test("docs/benchmarks.md has every bench, and the machine that it ran on", () => {
  for (const { name } of BENCHES) assert.match(DOCUMENT, new RegExp(`^## ${name}$`, "m"));
  assert.match(DOCUMENT, /^Machine: \d+ cores/m);
});
