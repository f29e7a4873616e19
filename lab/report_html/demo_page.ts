import { bothForms } from "../../lib/page/both_forms.ts";
import { type Markup, markup } from "../../lib/page/markup.ts";
import {
  type ChartMark,
  throughputChart,
  type ThroughputPoint,
} from "../../lib/page/throughput_chart.ts";
import { topologyPicture } from "../../lib/page/topology_picture.ts";
import { type Machine, machineLine, versionsLine } from "../bench/machine.ts";
import type { Told } from "../report.ts";
import { formatRate } from "../terminal.ts";
import { reportPage, section, tableOf } from "./report_page.ts";

export interface DemoRecord {
  readonly told: readonly Told[];
  readonly points: readonly ThroughputPoint[];
  readonly marks: readonly ChartMark[];
  readonly machine: Machine;
  readonly when: string;
  readonly holds: boolean;
}

const LEGEND =
  markup`<span class="legend"><span class="nat">via NAT</span><span class="bypass">bypass</span></span>`;

const INTRODUCTION =
  markup`<p>Requests always pass the NAT machine, which translates them. Responses do until their session meets a measured criterion; from then on the server sends them to the client itself, until the NAT machine says stop. Programs, processes and traffic are real, in network namespaces of one host.</p>`;

/** `lab demo --report`. Pure. */
export function demoPage(record: DemoRecord): string {
  const { machine, when, holds, told, points } = record;
  const checks = told.filter(({ kind }) => kind === "check").length;
  return reportPage({
    title: "bypath: the servers answer the clients directly",
    below: [
      holds ? `All ${checks} checks hold` : "Not every check holds, see below",
      `${machineLine(machine)}; ${versionsLine(machine)}`,
      when,
    ],
    sections: [
      section(
        "Paths of the responses, mean of the whole story",
        markup`${INTRODUCTION}${topology(points)}`,
        LEGEND,
      ),
      ...(points.length > 1 ? [section("Responses by path", chart(record), LEGEND)] : []),
      ...steps(told),
    ],
  });
}

const rate = (bytesPerSecond: number) => formatRate(bytesPerSecond * 8);

function topology(points: readonly ThroughputPoint[]): Markup {
  const mean = (path: "viaNat" | "viaBypass") =>
    points.reduce((sum, point) => sum + point[path], 0) / Math.max(1, points.length);
  const [viaNat, viaBypass] = [mean("viaNat"), mean("viaBypass")];
  return bothForms((form) =>
    topologyPicture({
      clients: { name: "Client", detail: "198.51.100.2" },
      nat: { name: "NAT machine", detail: "VIP 203.0.113.10", isWell: true },
      servers: [{ name: "s1, s2", state: "agent on each", isWell: true, viaNat, viaBypass }],
      others: null,
      requests: null,
      fullRate: Math.max(viaNat, viaBypass),
      rate,
      title: `${rate(viaNat)} via the NAT machine, ${rate(viaBypass)} straight to the client`,
    }, form)
  );
}

function chart({ points, marks }: DemoRecord): Markup {
  const fromMs = points[0]!.atMs;
  const totals = points.map(({ viaNat, viaBypass }) => viaNat + viaBypass).sort((a, b) => a - b);
  const largest = totals.at(-1)!;
  // A download that was held up catches up at the speed of the host: a peak that hides the rest.
  const usual = totals[Math.floor(totals.length * 0.98)]! * 1.25;
  const isCut = largest > 2 * usual;
  const drawn = bothForms((form) =>
    throughputChart({
      points,
      marks,
      fromMs,
      toMs: points.at(-1)!.atMs,
      timesFrom: "start",
      ...(isCut && { topRate: usual }),
      rate,
      time: (atMs) => `${Math.round((atMs - fromMs) / 100) / 10} s`,
      title: "Responses by path over the whole story",
    }, {
      ...(form === "wide" ? { width: 960, height: 300 } : { width: 340, height: 200 }),
      id: form,
    })
  );
  const rows = marks.toSorted((a, b) => a.atMs - b.atMs)
    .map(({ atMs, label, text }) => [`${((atMs - fromMs) / 1000).toFixed(2)} s`, label, text]);
  return markup`${drawn}<p class="quiet">Bytes that the kernel counted on the interfaces, every 100 ms. I: an instruction installed, S: stopped, O: an operator's order, K: kill -9.${
    isCut && ` Peaks are cut off; the highest is ${rate(largest)}.`
  }</p>${tableOf(["Time", "Mark", "What happened"], rows)}`;
}

/** One section a step. */
function steps(told: readonly Told[]): Markup[] {
  const groups: { title: string; content: Told[] }[] = [];
  for (const each of told) {
    if (each.kind === "step") groups.push({ title: each.title, content: [] });
    else groups.at(-1)?.content.push(each);
  }
  return groups.map(({ title, content }, i) =>
    section(`${i + 1}. ${title}`, markup`${content.map(toldMarkup)}`)
  );
}

function toldMarkup(told: Told): Markup {
  switch (told.kind) {
    case "step":
      return markup`<h3>${told.title}</h3>`;
    case "say":
      return markup`${told.lines.map((line) => markup`<p>${line}</p>`)}`;
    case "aside":
      return markup`<pre>${told.lines.join("\n")}</pre>`;
    case "table":
      return tableOf(told.heading, told.rows);
    case "check": {
      const { holds, claim, found } = told.check;
      return markup`<ul class="checks"><li><b class="${holds ? "good" : "bad"}">${
        holds ? "✓ holds" : "✗ broken"
      }</b> ${claim}${
        found !== undefined && markup` <span class="bad">found: ${found}</span>`
      }</li></ul>`;
    }
  }
}
