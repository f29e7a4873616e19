/** docs/configuration.md says of reloads what a reload does. */
import assert from "node:assert/strict";
import { FIXED } from "../../lib/nat/reload_plan.ts";
import { publishedSchemas } from "../../lib/config/json_schema.ts";
import { keysOf } from "../../schema/keys.ts";
import { reloadEffect } from "../../schema/reload_effects.ts";

Deno.test("docs/configuration.md says takeover of the keys that a reload refuses", () => {
  const paths = keysOf(JSON.parse(publishedSchemas()["nat.json"]!)).map(({ path }) => path);
  assert.deepEqual(
    paths.filter((path) => reloadEffect(path) === "takeover").sort(),
    [...FIXED].sort(),
  );
});
