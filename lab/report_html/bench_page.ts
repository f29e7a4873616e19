import { type Markup, markup } from "../../lib/page/markup.ts";
import type { BenchDocument } from "../bench/document.ts";
import { machineLine, versionsLine } from "../bench/machine.ts";
import type { BenchResult } from "../bench/result.ts";
import { aimLine, tablesOf } from "../bench/tables.ts";
import { formatDuration } from "../terminal.ts";
import { reportPage, section, tableOf } from "./report_page.ts";

/** `lab bench --report`. Pure. */
export function benchPage({ machine, benches }: BenchDocument, when: string): string {
  return reportPage({
    title: "bypath: measured side by side",
    below: [machineLine(machine), versionsLine(machine), when],
    sections: benches.map(benchSection),
  });
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
    }${
      tablesOf(result).map(({ title, rows: [heading = [], ...rows] }) =>
        markup`<h3 class="quiet">${title}</h3>${tableOf(heading, rows)}`
      )
    }${
      aims.length > 0 &&
      markup`<h3 class="quiet">Aims</h3>${
        tableOf(
          ["Aim", "Found", ""],
          aims.map((aim) => aimLine(aim, quantities)),
        )
      }`
    }${[...missing, ...notes].map((note) => markup`<p class="quiet">${note}</p>`)}`,
    markup`<span class="quiet">${rounds} turns of ${seconds} s, ${
      formatDuration(result.durationMs)
    } in all</span>`,
  );
}
