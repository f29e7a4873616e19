/**
 * `inspect servers`.
 *
 * @module
 */
import type { ServerView, ServiceView } from "./answers.ts";
import type { Daemon } from "./daemon.ts";
import { parseEndpointFilter } from "./endpoint_filter.ts";
import type { InspectHost } from "./host.ts";
import { humanCount, humanDuration } from "../config/human.ts";
import type { InspectOptions } from "./options.ts";
import type { Style } from "./palette.ts";
import { RowPrinter } from "./print_rows.ts";
import { chosenServices } from "./service_choice.ts";
import { endpointOrder } from "./sort.ts";

const HEALTH_STYLES: Readonly<Record<string, Style>> = { up: "green", down: "red" };
const BYPASS_STYLES: Readonly<Record<string, Style>> = { able: "green", unable: "yellow" };

const printer = new RowPrinter<ServerView>([
  { name: "service", value: (row) => row.service },
  { name: "address", value: (row) => row.address, order: (row) => endpointOrder(row.address) },
  { name: "weight", value: (row) => row.weight, right: true, expendable: 3 },
  { name: "health", value: (row) => row.health, style: (row) => HEALTH_STYLES[row.health] },
  {
    name: "since",
    value: (row) => row.healthSinceMs ?? null,
    text: (row) => row.healthSinceMs === undefined ? "" : humanDuration(row.healthSinceMs),
    right: true,
    expendable: 4,
  },
  {
    name: "share",
    value: (row) => row.share ?? null,
    text: (row) => row.share === undefined ? "" : `${Math.round(row.share * 100)} %`,
    right: true,
    expendable: 5,
  },
  {
    name: "draining",
    value: (row) => row.draining,
    text: (row) => row.removed ? "removed" : row.draining ? "yes" : "no",
    style: (row) => row.draining ? "yellow" : undefined,
  },
  {
    name: "sessions",
    value: (row) => row.sessions,
    text: (row) => humanCount(row.sessions),
    right: true,
  },
  {
    name: "agent",
    value: (row) => row.agent.connected ? "connected" : "absent",
    expendable: 2,
  },
  {
    name: "bypass",
    value: (row) => row.agent.bypass,
    style: (row) => BYPASS_STYLES[row.agent.bypass],
  },
  { name: "reason", value: reasonsOf, expendable: 1, leastWidth: 12 },
], {
  id: (row) => `${row.service} ${row.address}`,
  kind: "number",
  value: (row) => row.sessions,
});

/** What is wrong, of health first. */
function reasonsOf({ health, healthReason, agent }: ServerView): string | null {
  const isNews = health !== "up" && healthReason !== null && healthReason !== undefined;
  const reasons = [...(isNews ? [healthReason] : []), ...(agent.reason ? [agent.reason] : [])];
  return reasons.length === 0 ? null : reasons.join("; ");
}

export async function printServers(
  daemon: Daemon,
  options: InspectOptions,
  host: InspectHost,
): Promise<number> {
  const print = printer.prepare(options, host);
  const server = options.server === undefined
    ? undefined
    : parseEndpointFilter("server", options.server);
  const services = await namesOf(daemon, options.service);
  const rows = (await daemon.ask<ServerView[]>({ verb: "servers" })).filter((row) =>
    (services?.includes(row.service) ?? true) && (server?.matches(row.address) ?? true)
  );
  await print(rows);
  return 0;
}

/** Undefined: any. */
async function namesOf(daemon: Daemon, wanted?: string): Promise<string[] | undefined> {
  if (wanted === undefined) return undefined;
  const services = await daemon.ask<ServiceView[]>({ verb: "services" });
  return chosenServices(services, wanted).map(({ name }) => name);
}
