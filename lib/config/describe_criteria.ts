/**
 * Criteria in words, for `nat check`.
 *
 * @module
 */

import { formatPrefix } from "../wire/prefix.ts";
import type { StartConfig, StopConfig, ThresholdConfig } from "./criteria_config.ts";
import type { ServiceConfig } from "./nat_config.ts";
import { formatLoad, formatRate } from "./rate.ts";
import { formatDurationMs, formatSizeBytes } from "./units.ts";

/** One line for when the bypass starts and stops, one for each restriction. */
export function describeBypass({ protocol, bypass }: ServiceConfig): string[] {
  const { start, stop } = bypass;
  if (start.never) return ["bypass: never"];
  const starts = [
    ...(start.immediately
      ? [protocol === "tcp" ? "as the TCP handshake completes" : "with the first packet"]
      : []),
    ...describeThresholds(start),
    ...(start.all ? [together(start.all.flatMap(describeThresholds))] : []),
  ];
  const stops = describeStop(stop);
  return [
    `bypass: starts ${starts.join(" or ")}${stops && `, until ${stops}`}`,
    ...describeRestrictions(start).map((line) => `  only ${line}`),
  ];
}

/** Beside alternatives it has to be plain what belongs together. */
function together(parts: readonly string[]): string {
  if (parts.length < 2) return parts.join();
  return parts.length === 2 ? `both ${parts.join(" and ")}` : `all of (${parts.join(", ")})`;
}

function describeThresholds({ packets, bytes, ageMs, rate }: ThresholdConfig): string[] {
  return [
    ...(packets === undefined ? [] : [`after ${packets} response packets`]),
    ...(bytes === undefined ? [] : [`after ${formatSizeBytes(bytes)} of responses`]),
    ...(ageMs === undefined ? [] : [`at the age of ${formatDurationMs(ageMs)}`]),
    ...(rate === undefined ? [] : [`when responses come at ${rateWords(rate)}`]),
  ];
}

function rateWords(rate: NonNullable<ThresholdConfig["rate"]>): string {
  return rate.of === "packets" ? `${rate.perSecond} packets a second` : formatRate(rate);
}

function describeRestrictions({ clients, servers, load, where }: StartConfig): string[] {
  return [
    ...(clients ? [`clients in ${clients.map(formatPrefix).join(", ")}`] : []),
    ...(servers ? [`with servers ${servers.join(", ")}`] : []),
    ...(load === undefined ? [] : [
      load.of === "core"
        ? `while this machine is busier than ${formatLoad(load)} of a core`
        : `while this machine carries more than ${rateWords(load)}`,
    ]),
    ...(where ? [`where ${where.text}`] : []),
  ];
}

function describeStop({ idleMs, rate, forMs, ageMs }: StopConfig): string {
  return [
    ...(idleMs === undefined ? [] : [`idle for ${formatDurationMs(idleMs)}`]),
    ...(rate === undefined ? [] : [`below ${rateWords(rate)} for ${formatDurationMs(forMs ?? 0)}`]),
    ...(ageMs === undefined ? [] : [`${formatDurationMs(ageMs)} after it started`]),
  ].join(" or ");
}
