/** docs/operations.md leaves out no reason that there is, and has none that there is not. */
import assert from "node:assert/strict";
import { droppedByReason, makeCounters } from "../../lib/session/counters.ts";
import { REASON, reasonText } from "../../lib/session/path_reason.ts";

const text = await Deno.readTextFile(new URL("../../docs/operations.md", import.meta.url));

/** The first cells of the table below a heading. */
function named(heading: string): string[] {
  const part = text.slice(text.indexOf(`\n## ${heading}`) + 4);
  const section = part.slice(0, part.indexOf("\n## "));
  return [...section.matchAll(/^\| `([^`]+)` /gm)].map(([, name]) => name!);
}

Deno.test("docs/operations.md says of every drop reason what it means, and what to do", () => {
  const names = Object.keys(droppedByReason(makeCounters()));
  assert.deepEqual(named("What `inspect status` counts as dropped").sort(), names.sort());
});

Deno.test("docs/operations.md says of every reason of a session what it means", () => {
  // A number in words, whatever it is: 2 makes sentences in the plural.
  const texts = Object.values(REASON).flatMap((reason) =>
    [0, 1, 2].map((value) => reasonText(reason, value).replaceAll(/\b\d+\b/g, "N"))
  );
  const all = new Set(texts.filter((it) => !it.includes("N session") || it.includes("sessions")));
  assert.deepEqual(named("What `inspect` gives as a session's reason").sort(), [...all].sort());
});
