/**
 * `inspect services`.
 *
 * @module
 */
import type { ServerView, ServiceView } from "./answers.ts";
import type { Daemon } from "./daemon.ts";
import { parseEndpointFilter } from "./endpoint_filter.ts";
import type { InspectHost } from "./host.ts";
import { humanCount } from "../config/human.ts";
import type { InspectOptions } from "./options.ts";
import { RowPrinter } from "./print_rows.ts";
import { chosenServices } from "./service_choice.ts";
import { endpointOrder } from "./sort.ts";

const printer = new RowPrinter<ServiceView>([
  { name: "name", value: (row) => row.name },
  { name: "protocol", value: (row) => row.protocol, expendable: 4 },
  {
    name: "vip",
    value: (row) => row.vip,
    order: (row) => endpointOrder(row.vip),
    expendable: 0,
  },
  { name: "scheduler", value: (row) => row.scheduler, expendable: 3 },
  { name: "servers", value: (row) => row.servers, right: true },
  {
    name: "up",
    value: (row) => row.up,
    right: true,
    style: (row) => row.up === 0 ? "red" : row.up < row.servers ? "yellow" : undefined,
  },
  {
    name: "sessions",
    value: (row) => row.sessions,
    text: (row) => humanCount(row.sessions),
    right: true,
  },
  {
    name: "bypassing",
    value: (row) => row.bypassing,
    text: (row) => humanCount(row.bypassing),
    right: true,
  },
  { name: "health", value: (row) => row.healthReason ?? null, expendable: 1, leastWidth: 12 },
  { name: "start", value: (row) => row.start, expendable: 1, leastWidth: 12 },
  { name: "stop", value: (row) => row.stop, expendable: 2, leastWidth: 12 },
], { id: (row) => row.name, kind: "number", value: (row) => row.sessions });

export async function printServices(
  daemon: Daemon,
  options: InspectOptions,
  host: InspectHost,
): Promise<number> {
  const print = printer.prepare(options, host);
  const { service, server } = options;
  const withServer = await servicesWith(daemon, server);
  const services = await daemon.ask<ServiceView[]>({ verb: "services" });
  const chosen = service === undefined ? services : chosenServices(services, service);
  await print(chosen.filter(({ name }) => withServer(name)));
  return 0;
}

/** Tells whether a service has a server that is looked for. */
async function servicesWith(daemon: Daemon, server?: string): Promise<(name: string) => boolean> {
  if (server === undefined) return () => true;
  const filter = parseEndpointFilter("server", server);
  const servers = await daemon.ask<ServerView[]>({ verb: "servers" });
  const names = servers.filter((row) => filter.matches(row.address)).map((row) => row.service);
  return (name) => names.includes(name);
}
