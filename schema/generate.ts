/**
 * Writes the published JSON Schemas beside this file, and docs/configuration.md: `deno task schema`.
 *
 * @module
 */

import { publishedSchemas } from "../lib/config/json_schema.ts";
import { configurationDocument } from "./configuration_document.ts";

for (const [name, text] of Object.entries(publishedSchemas())) {
  await Deno.writeTextFile(new URL(name, import.meta.url), text);
}
await Deno.writeTextFile(
  new URL("../docs/configuration.md", import.meta.url),
  configurationDocument(),
);
