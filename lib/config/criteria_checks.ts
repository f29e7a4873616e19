/**
 * What must be true between the criteria of a service and what stands around them.
 *
 * @module
 */

import { type Endpoint, formatEndpoint, type IpAddress } from "../wire/address.ts";
import { formatPrefix } from "../wire/prefix.ts";
import type { BypassDocument } from "./criteria_schema.ts";
import type { ConfigPath } from "./problem.ts";
import { formatRate, type Rate } from "./rate.ts";
import type { Draft } from "./read.ts";
import { formatDurationMs } from "./units.ts";

export interface CriteriaAround {
  /** Of `bypass`. */
  readonly path: ConfigPath;
  readonly vip: IpAddress | undefined;
  /** Of the service; undefined where one could not be read. */
  readonly servers: readonly (Endpoint | undefined)[];
  /** How often agents report. */
  readonly reportMs: number | undefined;
  report(path: ConfigPath, message: string): void;
}

/** Reports every criterion that could never be met, or that contradicts another. */
export function checkCriteria(
  { start, stop }: Draft<BypassDocument>,
  { path, vip, servers, reportMs, report }: CriteriaAround,
): void {
  start?.clients?.forEach((client, index) => {
    if (client === undefined || vip === undefined || client.address.family === vip.family) return;
    report(
      [...path, "start", "clients", index],
      `${
        formatPrefix(client)
      } is IPv${client.address.family} and the VIP ${vip} IPv${vip.family}: no client has such an address`,
    );
  });
  start?.servers?.forEach((name, index) => {
    if (name === undefined || servers.includes(undefined)) return;
    const named = servers.some((server) =>
      name === String(server!.address) || name === formatEndpoint(server!)
    );
    if (named) return;
    report(
      [...path, "start", "servers", index],
      `${name} is no server of this service: there are ${
        servers.map((server) => formatEndpoint(server!)).join(", ")
      }`,
    );
  });
  if (stop?.rate === undefined) return;
  for (const [at, rate] of startRates(start)) {
    if (rate.of !== stop.rate.of || rate.perSecond > stop.rate.perSecond) continue;
    report(
      [...path, "stop", "rate"],
      `${formatRate(stop.rate)} is not below ${at} of ${
        formatRate(rate)
      }: a bypass would stop as soon as it has started`,
    );
  }
  if (stop.for !== undefined && reportMs !== undefined && stop.for < reportMs) {
    report(
      [...path, "stop", "for"],
      `${formatDurationMs(stop.for)} is shorter than control.report of ${
        formatDurationMs(reportMs)
      }, and only reports tell the rate of a session that bypasses`,
    );
  }
}

function startRates(start: Draft<BypassDocument>["start"]): [at: string, Rate][] {
  const all = (start?.all ?? []).map((entry) => ["start.all", entry?.rate] as const);
  return [["start.rate", start?.rate] as const, ...all].flatMap(([at, rate]) =>
    rate === undefined ? [] : [[at, rate]]
  );
}
