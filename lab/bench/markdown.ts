import { markdownTable } from "../markdown_table.ts";
import { type Machine, machineLine, versionsLine } from "./machine.ts";
import type { BenchResult } from "./result.ts";
import { ALL_ROADS } from "./roads/all.ts";
import { aimLine, tablesOf } from "./tables.ts";

/** What the document says before any figure. */
export const MARKDOWN_HEAD = `# Benchmarks

What \`bypath lab bench\` measured on one machine, written by itself:

<!-- sh: by tests/peers/bench_test.ts -->

\`\`\`sh
bypath lab bench --markdown > docs/benchmarks.md
\`\`\`

All of it takes more than half an hour. In parts, of which each is kept as JSON with every sample:

<!-- sh: by tests/peers/bench_test.ts -->

\`\`\`sh
bypath lab bench bulk-tcp http-requests --json > tcp.json
bypath lab bench small-packets latency --json > udp.json
bypath lab bench --from tcp.json udp.json --markdown > docs/benchmarks.md
\`\`\`

Client, router, NAT machine and servers are network namespaces of one host, joined by veth pairs: they share its
processors, so that the figures are no machine's of its own. What counts are ratios: every road has its turn in each
round, in the same namespaces and under the same load. A table shows the median of all turns, the least and the most of
them, and the median's ratio to those of direct routing, nft and HAProxy. Aims are what this project wants of itself,
met or not. Each section says how often and for how long it was measured: \`--rounds\` and \`--seconds\`.

${
  markdownTable([
    ["road", "what it is"],
    ...ALL_ROADS.map(({ name, description }) => [name, description]),
  ])
}`;

/** What a run found, as a document. Pure. */
export function markdownOf(machine: Machine, results: readonly BenchResult[]): string {
  const where = `Machine: ${machineLine(machine)}.\nVersions: ${versionsLine(machine)}.`;
  return [MARKDOWN_HEAD, where, ...results.map(section)].join("\n\n");
}

function section(result: BenchResult): string {
  const { name, description, rounds, seconds, subjects, notes, lacking, aims } = result;
  const parts = [`## ${name}\n\n${sentence(description)}`];
  if (lacking.length > 0) return `${parts[0]} Left out: ${lacking.join(" and ")} not installed.`;
  parts.push(`${rounds} ${rounds === 1 ? "turn" : "turns"} each, ${seconds} s a load.`);
  for (const subject of subjects) {
    const { leftOut, failure } = subject;
    if (leftOut !== undefined) parts.push(`${subject.name} is left out: ${leftOut}.`);
    if (failure !== undefined) parts.push(`${subject.name} could not be measured: ${failure}.`);
  }
  for (const { title, rows } of tablesOf(result)) {
    parts.push(`${sentence(title)}\n\n${markdownTable(rows)}`);
  }
  if (aims.length > 0) {
    const rows = aims.map((aim) => aimLine(aim, result.quantities));
    parts.push(markdownTable([["aim", "measured", ""], ...rows]));
  }
  if (notes.length > 0) parts.push(notes.map((note) => `- ${note}`).join("\n"));
  return parts.join("\n\n");
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
