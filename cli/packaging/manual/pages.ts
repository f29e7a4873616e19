import { createProgram } from "../../program.ts";
import { publishedSchemas } from "../../../lib/config/json_schema.ts";
import type { SchemaNode } from "../../../schema/keys.ts";
import { childrenOf, groupPage, type PageStamp, programPage } from "./command_page.ts";
import { configPage } from "./config_page.ts";

/** Whole configurations for the pages of section 5. */
export interface ConfigExamples {
  readonly nat: string;
  readonly agent: string;
}

/** The manual, made from what `--help` and the schemas are made from: pages by file name, `bypath-nat.1`. */
export function manualPages(
  examples: ConfigExamples,
  stamp: PageStamp,
): ReadonlyMap<string, string> {
  const program = createProgram();
  const schemas = publishedSchemas();
  const pages = new Map([["bypath.1", programPage(program, stamp)]]);
  for (const group of childrenOf(program).filter((it) => childrenOf(it).length > 0)) {
    pages.set(`bypath-${group.name()}.1`, groupPage(program, group, stamp));
  }
  for (const kind of ["nat", "agent"] as const) {
    const schema = JSON.parse(schemas[`${kind}.json`]!) as SchemaNode;
    pages.set(
      `bypath-${kind}.yaml.5`,
      configPage({ kind, schema, example: examples[kind] }, stamp),
    );
  }
  return pages;
}
