import assert from "node:assert/strict";
import { publishedSchemas } from "../lib/config/json_schema.ts";
import { configurationDocument } from "./configuration_document.ts";
import { keysOf } from "./keys.ts";
import { RELOAD_EFFECTS, reloadEffect } from "./reload_effects.ts";

const keys = ["nat.json", "agent.json"].flatMap((name) =>
  keysOf(JSON.parse(publishedSchemas()[name]!))
);

for (const [name, text] of Object.entries(publishedSchemas())) {
  Deno.test(`schema/${name} is what the program checks (deno task schema writes it)`, async () => {
    assert.equal(await Deno.readTextFile(new URL(name, import.meta.url)), text);
  });
}

Deno.test("docs/configuration.md is what the program checks (deno task schema writes it)", async () => {
  const url = new URL("../docs/configuration.md", import.meta.url);
  const text = configurationDocument();
  assert.equal(await Deno.readTextFile(url), text);
  for (const { path } of keys) assert.ok(text.includes(`| \`${path}\` `), path);
});

Deno.test("every key says what it means", () => {
  for (const { path, description } of keys) assert.notEqual(description, "", path);
});

Deno.test("every sentence about reloads is about a key", () => {
  const used = new Set(keys.map(({ path }) => reloadEffect(path)));
  for (const [, effect] of RELOAD_EFFECTS) assert.ok(used.has(effect), effect);
});
