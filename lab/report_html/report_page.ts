import { createHash } from "node:crypto";
import { type Markup, markup, trusted } from "../../lib/page/markup.ts";
import { THEME } from "../../lib/page/theme.ts";

/** What the reports have beside the shared theme. */
const STYLE = `${THEME}
body { max-width: 1000px; }
.top { padding: 26px 0 16px; }
.top h1 { font-size: 22px; letter-spacing: -0.01em; }
.panel { margin-bottom: 14px; }
.panel > p, .panel > ul { margin: 6px 0; }
ul.checks { list-style: none; padding: 0; }
ul.checks li { padding: 2px 0; }
ul.checks b { display: inline-block; min-width: 74px; }
pre { font: 12px/1.5 var(--mono); color: var(--quiet); white-space: pre-wrap; margin: 8px 0; overflow-wrap: anywhere; }
.scroll { margin-bottom: 10px; }
.topology { max-width: 660px; margin: 0 auto; }
.panel h3 { font-size: 12px; font-weight: 500; margin: 14px 0 4px; }
.bars { margin: 4px 0 8px; }
.bars .bar.other { fill: var(--line); }
.bars .bar.nat { fill: var(--nat-soft); stroke: var(--nat); }
.bars .bar.bypass { fill: var(--bypass-soft); stroke: var(--bypass); }
.bars .spread { stroke: var(--ink); fill: none; }
.bars .figure { font-weight: 600; }
@media print { body { max-width: none; } .panel { break-inside: avoid; } }
`;

export interface ReportPage {
  readonly title: string;
  /** Of the machine that it was measured on, and when. */
  readonly below: readonly string[];
  readonly sections: readonly Markup[];
}

/** One file without a script, that loads nothing: it can be sent to a colleague. */
export function reportPage({ title, below, sections }: ReportPage): string {
  const hash = createHash("sha256").update(STYLE).digest("base64");
  const policy =
    `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
<header class="top"><h1>${title}</h1>${
    below.map((line) => markup`<p class="quiet">${line}</p>`)
  }</header>
<main>${sections}</main>
</body>
</html>
`.text;
}

export function section(heading: string, content: Markup, aside: Markup | null = null): Markup {
  return markup`<section class="panel"><header><h2>${heading}</h2>${aside}</header>${content}</section>`;
}

/** Cells that are figures go right. */
export function tableOf(heading: readonly string[], rows: readonly (readonly string[])[]): Markup {
  const kind = (column: number) =>
    column > 0 && rows.every((row) => /^(\d[\d,.]*( \S+)?)?$/.test(row[column] ?? "")) &&
    markup` class="number"`;
  return markup`<div class="scroll"><table><thead><tr>${
    heading.map((name, i) => markup`<th scope="col"${kind(i)}>${name}</th>`)
  }</tr></thead><tbody>${
    rows.map((row) => markup`<tr>${row.map((cell, i) => markup`<td${kind(i)}>${cell}</td>`)}</tr>`)
  }</tbody></table></div>`;
}
