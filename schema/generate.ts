/**
 * Writes the published JSON Schemas beside this file: `deno task schema`.
 *
 * @module
 */

import { publishedSchemas } from "../lib/config/json_schema.ts";

for (const [name, text] of Object.entries(publishedSchemas())) {
  await Deno.writeTextFile(new URL(name, import.meta.url), text);
}
