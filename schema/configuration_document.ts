import { publishedSchemas } from "../lib/config/json_schema.ts";
import { type ConfigKey, keysOf, type SchemaNode } from "./keys.ts";
import { reloadEffect } from "./reload_effects.ts";

/** Headings of nat.yaml's keys, by how their paths begin; the first that fits has a key. */
const NAT_PARTS: readonly (readonly [heading: string, begins: string])[] = [
  ["Bypass: when it starts and stops", "services[].bypass"],
  ["Health", "services[].health"],
  ["Services and servers", "services"],
  ["The control channel", "control"],
  ["Timeouts", "timeouts"],
  ["SNAT addresses", "snat"],
  ["The machine", ""],
];
const NAT_ORDER = [6, 5, 2, 1, 0, 3, 4];

const INTRODUCTION = `# Configuration reference

Every key of \`nat.yaml\` and \`agent.yaml\`, made from the schema that the program checks them by
(\`deno task schema\` writes this page). \`services[].vip\` is the key \`vip\` of an entry of the list
\`services\`. The same is in \`man bypath-nat.yaml\` and \`man bypath-agent.yaml\`, and for editors in
\`schema/nat.json\` and \`schema/agent.json\` (\`/usr/share/bypath/schema\` when installed).

Unknown keys are errors, with a suggestion. \`bypath nat check --config FILE\` says what a file means,
or everything that is wrong in it with line and key. Durations are written \`500ms\`, \`10s\`, \`5m\`;
sizes \`64KiB\`, \`10MB\`; rates \`10Mbit/s\` or, in packets, \`1000/s\`. Relative paths belong to the
folder of the file. IPv6 endpoints need quotes: \`"[2001:db8::1]:7400"\`.

The last column says what \`bypath nat reload\` does with another value; _takeover_ means that a
running process cannot change it, and a new one takes over without a pause
([upgrading.md](upgrading.md)).
`;

/** docs/configuration.md. */
export function configurationDocument(): string {
  const schemas = publishedSchemas();
  const nat = keysOf(JSON.parse(schemas["nat.json"]!) as SchemaNode);
  const agent = keysOf(JSON.parse(schemas["agent.json"]!) as SchemaNode);
  const parts = NAT_PARTS.map(([heading], index) => {
    const keys = nat.filter(({ path }) => partOf(path) === index);
    return `### ${heading}\n\n${natTable(keys)}`;
  });
  return [
    INTRODUCTION,
    "## nat.yaml\n",
    ...NAT_ORDER.map((index) => parts[index]!),
    "## agent.yaml\n",
    "An agent takes its configuration when it starts; restart it after a change. Responses go by way of\n" +
    "the NAT machine meanwhile.\n",
    table(["key", "type", "default", "example", "meaning"], agent.map(cellsOf)),
  ].join("\n");
}

function partOf(path: string): number {
  return NAT_PARTS.findIndex(([, begins]) =>
    begins === "" || path === begins || path.startsWith(`${begins}.`) ||
    path.startsWith(`${begins}[`)
  );
}

const natTable = (keys: readonly ConfigKey[]) =>
  table(
    ["key", "type", "default", "example", "meaning", "reload"],
    keys.map((key) => [...cellsOf(key), reloadEffect(key.path)]),
  );

function cellsOf(key: ConfigKey): string[] {
  const text = (value: string | null) => value === null ? "" : `\`${value}\``;
  return [
    `\`${key.path}\``,
    key.type,
    key.required ? "required" : text(key.default),
    text(key.example),
    key.description,
  ].map((cell) => cell.replaceAll("|", "\\|"));
}

/** A table as \`deno fmt\` leaves it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, at) => Math.max(3, ...all.map((row) => row[at]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at]!)).join(" | ")} |\n`;
  return line(head) + line(widths.map((width) => "-".repeat(width))) + rows.map(line).join("");
}
