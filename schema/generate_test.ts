import assert from "node:assert/strict";
import { publishedSchemas } from "../lib/config/json_schema.ts";

for (const [name, text] of Object.entries(publishedSchemas())) {
  Deno.test(`schema/${name} is what the program checks (deno task schema writes it)`, async () => {
    assert.equal(await Deno.readTextFile(new URL(name, import.meta.url)), text);
  });
}
