import assert from "node:assert/strict";
import { VERSION } from "../../lib/config/version.ts";
import { epochOf, releaseAt } from "./release.ts";

const changelog = Deno.readTextFileSync(new URL("debian/changelog", import.meta.url));

Deno.test("the changelog begins with this version", () => {
  assert.equal(changelog.split("\n", 1)[0], `bypath (${VERSION}) unstable; urgency=medium`);
});

Deno.test("epochOf() takes SOURCE_DATE_EPOCH, or the time of the changelog's first entry", () => {
  const text = "bypath (2) x; y\n\n -- A <a@b.invalid>  Sun, 29 Nov 2026 12:00:00 +0100\n\n" +
    "bypath (1) x; y\n\n -- A <a@b.invalid>  Sun, 29 Nov 2020 12:00:00 +0100\n";
  assert.equal(epochOf(undefined, text), Date.UTC(2026, 10, 29, 11) / 1000);
  assert.equal(epochOf("", text), Date.UTC(2026, 10, 29, 11) / 1000);
  assert.equal(epochOf("86400", text), 86_400);
  assert.throws(() => epochOf("yesterday", text), {
    name: "SyntaxError",
    message: 'Cannot use SOURCE_DATE_EPOCH "yesterday": not a number of seconds since 1970',
  });
  assert.equal(releaseAt("1.2.3", 86_400).date, "1970-01-02");
});

Deno.test("the copyright file names every package that the executable holds", () => {
  const copyright = Deno.readTextFileSync(new URL("debian/copyright", import.meta.url));
  const lock = JSON.parse(Deno.readTextFileSync(new URL("../../deno.lock", import.meta.url)));
  // Of tests alone.
  const notInIt = ["fast-check", "playwright-core", "pure-rand"];
  for (const key of Object.keys(lock.npm)) {
    const name = /^(@?[^@]+)@/.exec(key)![1]!;
    if (notInIt.includes(name)) continue;
    const words = copyright.split(/[\s,]+/);
    assert.ok(words.includes(name), name);
  }
});
