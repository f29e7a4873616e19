import { formatSizeBytes } from "../../lib/config/units.ts";
import { formatFigure, formatRatio } from "../bench/figures.ts";
import type { Table } from "../bench/tables.ts";
import { formatBytes, formatCount } from "../terminal.ts";
import { ASSUMED, type AssumedName, MEASURED, type MeasuredName } from "./inputs.ts";
import { type Carried, carriedBy } from "./load.ts";
import { loadAt, type Scaling } from "./results.ts";
import { CORES, DEFAULT_THRESHOLD, SERVERS, TYPICAL_CORES } from "./scope.ts";

export function measuredTable({ measured }: Scaling): Table {
  const rows = (Object.keys(MEASURED) as MeasuredName[]).map((name) => {
    const { bench, quantity, subject, unit } = MEASURED[name];
    const scale = unit === "µs" ? 1e6 : unit === "ms" ? 1e3 : 1;
    const { median, least, most } = measured[name];
    const figures = [median, least, most].map((value) => formatFigure(value * scale, unit));
    return [name, bench, quantity, subject, ...figures];
  });
  return {
    title: "Measured",
    rows: [["input", "bench", "quantity", "of", "median", "least", "most"], ...rows],
  };
}

export function assumedTable({ assumed }: Scaling): Table {
  const rows = (Object.keys(ASSUMED) as AssumedName[]).map((
    name,
  ) => [name, String(assumed[name]), ASSUMED[name][1]]);
  return { title: "Assumed", rows: [["name", "value", "is"], ...rows] };
}

export function costsTable({ costs, breakEvenBytes }: Scaling): Table {
  const rows = [
    [
      "NAT machine's time for a second of its process",
      "(hostTime - directTime) / viaNatTime, at least 1",
      formatRatio(costs.kernelFactor),
    ],
    ["a gigabyte via NAT", "× viaNatTime", seconds(costs.viaNatByte * 1e9)],
    ["a gigabyte that bypasses", "× bypassTime", seconds(costs.bypassedByte * 1e9)],
    [
      "a session, opened and closed",
      "× (1 / sessionRate + (packets - 2) × mean of packetIn and packetOut)",
      seconds(costs.session),
    ],
    [
      "an instruction",
      "cores of the lab × (1 / instructedConnections - 1 / connections) × natPart",
      seconds(costs.instruction),
    ],
    [
      "instructions a second, whatever the cores",
      "instructedConnections",
      formatFigure(costs.instructionsPerSecond, "1/s"),
    ],
    [
      "bytes via NAT after the criterion",
      "switchTime × sessionMbit",
      formatBytes(costs.overshootBytes),
    ],
    [
      "left of a session for its instruction to save CPU time",
      "an instruction / (a byte via NAT - a byte that bypasses)",
      breakEvenBytes === Infinity ? "never" : formatBytes(breakEvenBytes),
    ],
    [
      "what one packet worker of an agent sends",
      "1 / agentTime",
      formatFigure(8 / costs.agentByte, "bit/s"),
    ],
  ];
  return {
    title: "Costs, in CPU time of one core",
    rows: [["cost", "computed as", "is"], ...rows],
  };
}

export function checkTable({ checks }: Scaling): Table {
  const rows = checks.map(({ name, unit, model, measured }) => [
    name,
    formatFigure(model, unit),
    formatFigure(measured, unit),
    formatRatio(model / measured),
  ]);
  return {
    title: "The model beside the bench, for `bypath-criteria`",
    rows: [["quantity", "model", "measured", "ratio"], ...rows],
  };
}

export function mixesTable({ mixes }: Scaling): Table {
  const rows = mixes.map((mix) => {
    const { meanBytes } = loadAt(mix, Infinity);
    const { instructed } = loadAt(mix, DEFAULT_THRESHOLD);
    return [mix.name, formatBytes(mix.medianBytes), formatBytes(meanBytes), share(instructed)];
  });
  return {
    title: "Mixes",
    rows: [["mix", "median session", "mean", `larger than ${DEFAULT}`], ...rows],
  };
}

/** One table a mix. */
export function thresholdTables({ mixes }: Scaling): Table[] {
  return mixes.map((mix) => {
    const never = loadAt(mix, Infinity);
    const rows = mix.loads.map((load) => [
      startName(load.threshold),
      share(load.instructed),
      share(1 - load.viaNat),
      formatCount(load.instructionsPerGigabyte),
      formatFigure(load.instructionsPerGigabyte * 10 / 8, "1/s"),
      seconds(load.secondsPerGigabyte),
      formatRatio(load.secondsPerGigabyte / never.secondsPerGigabyte),
    ]);
    return {
      title: `${capital(mix.name)}, by threshold`,
      rows: [[
        "`start`",
        "sessions instructed",
        "bytes bypassed",
        "instructions a GB",
        "at 10 Gbit/s",
        "CPU a GB",
        "of never",
      ], ...rows],
    };
  });
}

/** What N cores carry, with as many servers as that takes: a row for each mix and number of cores. */
export function coresTable({ mixes }: Scaling): Table {
  const rows = mixes.flatMap(({ name, served }) =>
    served.map(({ cores, never, byDefault, best }, i) => [
      i === 0 ? name : "",
      String(cores),
      carriedText(never),
      carriedText(byDefault),
      carriedText(best),
      startName(best.threshold),
    ])
  );
  return {
    title: "Served by one NAT machine with N cores, and what gives out first",
    rows: [["mix", "cores", "never", DEFAULT, "best", "at"], ...rows],
  };
}

/** N cores and M servers, for the first mix. */
export function serversTable({ mixes, costs, assumed }: Scaling): Table {
  const [mix] = mixes;
  const load = loadAt(mix!, DEFAULT_THRESHOLD);
  const rows = CORES.map((cores) => [
    String(cores),
    ...SERVERS.map((agents) => carriedText(carriedBy(load, { cores, agents }, costs, assumed))),
  ]);
  return {
    title: `${capital(mix!.name)} with ${DEFAULT}, N cores and M servers`,
    rows: [
      ["cores", ...SERVERS.map((count) => count === 1 ? "1 server" : `${count} servers`)],
      ...rows,
    ],
  };
}

export function memoryTable({ mixes, assumed, measured }: Scaling): Table {
  const rows = mixes.map((mix) => {
    const { best } = mix.served.find(({ cores }) => cores === TYPICAL_CORES)!;
    const load = loadAt(mix, best.threshold);
    const perSecond = best.gbit * 1e9 / 8 / load.meanBytes;
    const sessions = perSecond * assumed.heldSeconds;
    const memory = measured.baseMemory.median + sessions * measured.sessionMemory.median;
    return [
      mix.name,
      startName(load.threshold),
      formatFigure(perSecond, "1/s"),
      formatCount(sessions),
      formatBytes(memory),
      formatCount(sessions * load.instructed),
    ];
  });
  return {
    title: `In the table, with ${TYPICAL_CORES} cores at the best threshold`,
    rows: [[
      "mix",
      "`start`",
      "new sessions",
      "in the table",
      "memory",
      "instructions in force",
    ], ...rows],
  };
}

export function sensitivityTables({ mixes, sensitivity }: Scaling): Table[] {
  const heading = ["changed", ...mixes.map(({ name }) => name)];
  return [
    {
      title: `CPU time of the NAT machine with ${DEFAULT}, of what it is with never`,
      rows: [
        heading,
        ...sensitivity.map((row) => [
          row.changed,
          ...row.mixes.map(({ cpuOfNever }) => formatRatio(cpuOfNever)),
        ]),
      ],
    },
    {
      title: `Served with ${TYPICAL_CORES} cores and ${DEFAULT}`,
      rows: [
        heading,
        ...sensitivity.map((row) => [
          row.changed,
          ...row.mixes.map(({ carried }) => carriedText(carried)),
        ]),
      ],
    },
  ];
}

/** In the order in which the document has them. */
export function allTables(scaling: Scaling): Table[] {
  return [
    measuredTable(scaling),
    assumedTable(scaling),
    costsTable(scaling),
    checkTable(scaling),
    mixesTable(scaling),
    ...thresholdTables(scaling),
    coresTable(scaling),
    serversTable(scaling),
    memoryTable(scaling),
    ...sensitivityTables(scaling),
  ];
}

const DEFAULT = startName(DEFAULT_THRESHOLD);

export function startName(threshold: number): string {
  if (threshold === 0) return "immediately";
  return threshold === Infinity ? "never" : formatSizeBytes(threshold);
}

export function carriedText({ gbit, limit }: Carried): string {
  return `${formatFigure(gbit * 1e9, "bit/s")}, ${limit}`;
}

function seconds(value: number): string {
  return value < 1e-3 ? formatFigure(value * 1e6, "µs") : formatFigure(value, "s");
}

function share(value: number): string {
  return formatFigure(value, "share");
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
