import { type Bar, barChart } from "../../lib/page/bar_chart.ts";
import { bothForms } from "../../lib/page/both_forms.ts";
import { type Markup, markup } from "../../lib/page/markup.ts";
import type { BenchDocument } from "../bench/document.ts";
import { formatFigure } from "../bench/figures.ts";
import { machineLine, versionsLine } from "../bench/machine.ts";
import type { BenchResult, Measured } from "../bench/result.ts";
import { ALL_ROADS } from "../bench/roads/all.ts";
import { aimLine, type QuantityTable, tablesOf } from "../bench/tables.ts";
import { formatDuration } from "../terminal.ts";
import { reportPage, section, tableOf } from "./report_page.ts";

/** `lab bench --report`. Pure. */
export function benchPage({ machine, benches }: BenchDocument, when: string): string {
  return reportPage({
    title: "bypath: measured side by side",
    below: [machineLine(machine), versionsLine(machine), when],
    sections: [roads(benches), ...benches.map(benchSection)],
  });
}

/** What the names in the tables stand for. */
function roads(benches: readonly BenchResult[]): Markup {
  const measured = new Set(benches.flatMap((it) => it.measured.map(({ subject }) => subject)));
  const rows = ALL_ROADS.filter(({ name }) => measured.has(name))
    .map(({ name, description }) => [name, description.replaceAll("`", "")]);
  return section(
    "What is compared",
    markup`<p>Client, router, NAT machine and servers are network namespaces of one host and share its processors: what counts are ratios. Every road has its turn in each round, under the same load. A bar is the median of all turns, the line across it goes from the least to the most.</p>${
      rows.length > 0 && tableOf(["Road", "What it is"], rows)
    }`,
  );
}

function quantityPart(
  { title, rows: [heading = [], ...rows], measured, unit }: QuantityTable,
): Markup {
  const bars = bothForms((form) =>
    barChart({
      bars: measured.map(barOf),
      figure: (value) => formatFigure(value, unit),
      title,
    }, form)
  );
  return markup`<h3 class="quiet">${title}</h3>${bars}${tableOf(heading, rows)}`;
}

function barOf({ subject, min, p50, max }: Measured): Bar {
  const path = subject.startsWith("bypath-nat")
    ? "nat"
    : subject.startsWith("bypath-")
    ? "bypass"
    : null;
  return { name: subject, path, least: min, median: p50, most: max };
}

function benchSection(result: BenchResult): Markup {
  const { name, description, lacking, rounds, seconds, notes, subjects, aims, quantities } = result;
  const missing = subjects.flatMap(({ name, leftOut, failure }) =>
    leftOut === undefined && failure === undefined ? [] : [`${name}: ${failure ?? leftOut}`]
  );
  return section(
    name,
    markup`<p>${description}</p>${
      lacking.length > 0 && markup`<p class="bad">Not measured: needs ${lacking.join(", ")}</p>`
    }${tablesOf(result).map(quantityPart)}${
      aims.length > 0 &&
      markup`<h3 class="quiet">Aims</h3>${
        tableOf(
          ["Aim", "Found", ""],
          aims.map((aim) => aimLine(aim, quantities)),
        )
      }`
    }${[...missing, ...notes].map((note) => markup`<p class="quiet">${note}</p>`)}`,
    markup`<span class="quiet">${rounds} ${rounds === 1 ? "turn" : "turns"} of ${seconds} s, ${
      formatDuration(result.durationMs)
    } in all</span>`,
  );
}
