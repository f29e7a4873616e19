/**
 * `inspect instructions`, of a NAT machine or of an agent.
 *
 * @module
 */
import type { InstructionView } from "./answers.ts";
import type { Daemon } from "./daemon.ts";
import type { EndpointFilter } from "../wire/endpoint_filter.ts";
import { parseEndpointFilter } from "./endpoint_filter.ts";
import type { InspectHost } from "./host.ts";
import { humanBytes, humanCount, humanDuration } from "../config/human.ts";
import type { InspectOptions } from "./options.ts";
import { RowPrinter } from "./print_rows.ts";
import { vipMatcher } from "./service_choice.ts";
import { endpointOrder } from "./sort.ts";

const printer = new RowPrinter<InstructionView>(
  [
    { name: "session", value: (row) => row.session, order: (row) => row.session.padStart(20, "0") },
    { name: "generation", value: (row) => row.generation, right: true, expendable: 4 },
    { name: "state", value: (row) => row.state ?? null, expendable: 5 },
    { name: "protocol", value: (row) => row.protocol, expendable: 7 },
    {
      name: "match",
      value: (row) => `${row.match.source} > ${row.match.destination}`,
      order: (row) => endpointOrder(row.match.source) + endpointOrder(row.match.destination),
    },
    {
      name: "rewrite",
      value: (row) => `${row.rewrite.source} > ${row.rewrite.destination}`,
      order: (row) => endpointOrder(row.rewrite.source) + endpointOrder(row.rewrite.destination),
    },
    {
      name: "packets",
      value: (row) => row.packets,
      text: (row) => humanCount(row.packets),
      right: true,
      expendable: 3,
    },
    {
      name: "bytes",
      value: (row) => row.bytes,
      text: (row) => humanBytes(row.bytes),
      right: true,
      expendable: 1,
    },
    {
      name: "used",
      value: (row) => row.lastUsedMs,
      text: (row) => row.lastUsedMs === null ? "-" : humanDuration(row.lastUsedMs),
      right: true,
      expendable: 2,
    },
    {
      name: "lease",
      value: (row) => row.leaseMs,
      text: (row) => humanDuration(row.leaseMs),
      right: true,
      expendable: 6,
    },
  ],
  { id: (row) => row.session, kind: "bytes", value: (row) => row.bytes },
  {
    "match.source": (row) => endpointOrder(row.match.source),
    "match.destination": (row) => endpointOrder(row.match.destination),
    "rewrite.source": (row) => endpointOrder(row.rewrite.source),
    "rewrite.destination": (row) => endpointOrder(row.rewrite.destination),
    client: (row) => endpointOrder(row.rewrite.destination),
    server: (row) => endpointOrder(row.match.source),
    lastUsedMs: (row) => row.lastUsedMs,
    leaseMs: (row) => row.leaseMs,
  },
);

export async function printInstructions(
  daemon: Daemon,
  options: InspectOptions,
  host: InspectHost,
): Promise<number> {
  const print = printer.prepare(options, host);
  const server = endpointFilter("server", options.server);
  const client = endpointFilter("client", options.client);
  const isOfService = await vipMatcher(daemon, options.service);
  const rows = (await daemon.ask<InstructionView[]>({ verb: "instructions" })).filter((row) =>
    isOnPath(row, options.path) && isOfService(row.protocol, row.rewrite.source) &&
    (server?.matches(row.match.source) ?? true) &&
    (client?.matches(row.rewrite.destination) ?? true)
  );
  await print(rows);
  return 0;
}

/** Where the next response of its session goes: via NAT as long as the instruction is on its way. */
function isOnPath({ state = "live" }: InstructionView, path: InspectOptions["path"]): boolean {
  const isInForce = state === "installed" || state === "live";
  return path === undefined || (path === "bypass") === isInForce;
}

function endpointFilter(option: string, text?: string): EndpointFilter | undefined {
  return text === undefined ? undefined : parseEndpointFilter(option, text);
}
