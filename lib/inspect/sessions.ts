/**
 * `inspect sessions`.
 *
 * @module
 */
import type { SessionView } from "../session/session_view.ts";
import type { SessionsAnswer } from "./answers.ts";
import type { Daemon } from "./daemon.ts";
import { parseEndpointFilter } from "./endpoint_filter.ts";
import type { InspectHost } from "./host.ts";
import { humanBytes, humanCount, humanDuration } from "../config/human.ts";
import type { InspectOptions } from "./options.ts";
import { RowPrinter } from "./print_rows.ts";
import { chosenServices } from "./service_choice.ts";
import { type SessionFilter, SessionReader } from "./session_reader.ts";
import type { SessionRow } from "./session_row.ts";
import { endpointOrder } from "./sort.ts";
import type { Column, Value } from "./table.ts";

const COLUMNS: readonly Column<SessionView>[] = [
  { name: "id", value: (row) => row.id, order: (row) => row.id.padStart(20, "0") },
  { name: "service", value: (row) => row.service, expendable: 3, leastWidth: 12 },
  { name: "client", value: (row) => row.client, order: (row) => endpointOrder(row.client) },
  {
    name: "nat",
    value: (row) => row.nat,
    order: (row) => endpointOrder(row.nat),
    expendable: 9,
  },
  {
    name: "server",
    value: (row) => row.server,
    order: (row) => endpointOrder(row.server),
    expendable: 2,
  },
  { name: "state", value: (row) => row.state, expendable: 5 },
  {
    name: "path",
    value: (row) => row.path,
    style: (row) => row.path === "bypass" ? "green" : undefined,
  },
  {
    name: "packets",
    value: (row) => sum(row.packets),
    text: (row) => humanCount(sum(row.packets)),
    right: true,
    expendable: 7,
  },
  {
    name: "bytes",
    value: (row) => sum(row.bytes),
    text: (row) => humanBytes(sum(row.bytes)),
    right: true,
  },
  {
    name: "bypassed",
    value: (row) => row.bytes.viaBypass,
    text: (row) => humanBytes(row.bytes.viaBypass),
    right: true,
    expendable: 4,
  },
  {
    name: "age",
    value: (row) => row.ageMs,
    text: (row) => humanDuration(row.ageMs),
    right: true,
    expendable: 8,
  },
  {
    name: "idle",
    value: (row) => row.idleMs,
    text: (row) => humanDuration(row.idleMs),
    right: true,
    expendable: 6,
  },
  { name: "reason", value: (row) => row.reason, expendable: 1, leastWidth: 12 },
];

const FIELDS: Readonly<Record<string, (row: SessionView) => Value>> = {
  protocol: (row) => row.protocol,
  vip: (row) => endpointOrder(row.vip),
  ageMs: (row) => row.ageMs,
  idleMs: (row) => row.idleMs,
  "packets.fromClient": (row) => row.packets.fromClient,
  "packets.viaNat": (row) => row.packets.viaNat,
  "packets.viaBypass": (row) => row.packets.viaBypass,
  "bytes.fromClient": (row) => row.bytes.fromClient,
  "bytes.viaNat": (row) => row.bytes.viaNat,
  "bytes.viaBypass": (row) => row.bytes.viaBypass,
  "instruction.generation": (row) => row.instruction?.generation ?? null,
  "instruction.state": (row) => row.instruction?.state ?? null,
  "instruction.leaseMs": (row) => row.instruction?.leaseMs ?? null,
};

const printer = new RowPrinter<SessionView>(
  COLUMNS,
  { id: (row) => row.id, kind: "bytes", value: (row) => sum(row.bytes) },
  FIELDS,
);

/** For looking again and again, where most rows are only compared. */
const watchPrinter = new RowPrinter<SessionRow>(
  COLUMNS.map(lifted),
  { id: (row) => row.id, kind: "bytes", value: (row) => row.bytes, document: (row) => row.view },
  Object.fromEntries(
    Object.entries(FIELDS).map(([name, value]) => [name, ofView(value)]),
  ),
);

function lifted({ value, text, order, style, ...rest }: Column<SessionView>): Column<SessionRow> {
  return {
    ...rest,
    // The one column by which many are compared is read without the rest.
    value: rest.name === "bytes" ? (row) => row.bytes : ofView(value),
    ...(text !== undefined &&
      { text: (row: SessionRow) => row.view === null ? "" : text(row.view) }),
    ...(order !== undefined && { order: ofView(order) }),
    ...(style !== undefined && {
      style: (row: SessionRow) => row.view === null ? undefined : style(row.view),
    }),
  };
}

function ofView(value: (view: SessionView) => Value): (row: SessionRow) => Value {
  return ({ view }) => view === null ? null : value(view);
}

export async function printSessions(
  daemon: Daemon,
  options: InspectOptions,
  host: InspectHost,
): Promise<number> {
  const isWatched = options.trends !== undefined;
  const print = isWatched ? null : printer.prepare(options, host);
  const printAgain = isWatched ? watchPrinter.prepare(options, host) : null;
  const filter = filterOf(options);
  const answer = await daemon.ask<SessionsAnswer>({ verb: "sessions" });
  if (options.service !== undefined) chosenServices(answer.services, options.service);
  options.trends?.of(answer.epoch);
  using reader = new SessionReader(answer);
  await print?.(reader.sessions(filter));
  await printAgain?.(reader.rows(filter));
  return 0;
}

function filterOf({ service, server, client, path }: InspectOptions): SessionFilter {
  return {
    ...(service === undefined ? {} : { service }),
    ...(server === undefined ? {} : { server: parseEndpointFilter("server", server) }),
    ...(client === undefined ? {} : { client: parseEndpointFilter("client", client) }),
    ...(path === undefined ? {} : { path }),
  };
}

/** Of both directions and both paths. */
function sum(counts: SessionView["bytes"]): number {
  return counts.fromClient + counts.viaNat + counts.viaBypass;
}
