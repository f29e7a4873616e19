import type { ConfigKey, SchemaNode } from "../../../schema/keys.ts";
import { keysOf } from "../../../schema/keys.ts";
import type { PageStamp } from "./command_page.ts";
import { bold, header, paragraphs, plain, prose, section, verbatim } from "./roff.ts";

/** What a page on a configuration file needs beside its schema. */
export interface ConfigPage {
  /** `nat` of bypath-nat.yaml(5). */
  readonly kind: "nat" | "agent";
  readonly schema: SchemaNode;
  /** A whole configuration. */
  readonly example: string;
}

/** `bypath-nat.yaml(5)`: every key with its type and default. */
export function configPage({ kind, schema, example }: ConfigPage, stamp: PageStamp): string {
  const name = `bypath-${kind}.yaml`;
  return header({ name, section: 5, summary: schema.description ?? "", ...stamp }) +
    section(
      "DESCRIPTION",
      paragraphs(
        `A file in YAML. An unknown key is an error. Durations are written \`500ms\`, \`10s\`, ` +
          `\`5m\`; sizes \`64KiB\`, \`10MB\`; rates \`10Mbit/s\` or, in packets, \`1000/s\`. ` +
          `Relative paths belong to the folder of the file.`,
        `\`bypath ${kind} check --config FILE\` says what a file means, or everything that is wrong ` +
          `in it.`,
      ),
    ) +
    section("KEYS", ...keysOf(schema).map(keyText)) +
    section("EXAMPLES", verbatim(example)) +
    section("SEE ALSO", `.BR ${plain(`bypath-${kind}`)} (1)\n`);
}

function keyText({ path, type, required, default: value, description }: ConfigKey): string {
  const facts = [type, required ? "required" : value === null ? "optional" : `default: ${value}`];
  const text = description === "" ? "" : `${prose(description)}.\n.br\n`;
  return `.TP\n${bold(path)}\n${text}${plain(facts.join("; "))}\n`;
}
