import type { StartConfig, StopConfig, ThresholdConfig } from "../config/criteria_config.ts";
import { formatLoad } from "../config/rate.ts";
import { formatPrefix } from "../wire/prefix.ts";

/** `bypass.start` in short words: `bytes 65536 or rate 1250000 bytes/s; load above 50%`. */
export function startText(start: StartConfig): string {
  return [criteriaText(start), ...restrictionTexts(start)].join("; ");
}

/** The criteria alone: `bytes 65536 or packets 10`, `immediately`, `never`. */
export function criteriaText(start: StartConfig): string {
  if (start.never) return "never";
  const all = (start.all ?? []).flatMap(thresholdTexts);
  const any = [
    ...(start.immediately ? ["immediately"] : []),
    ...thresholdTexts(start),
    ...(all.length > 1 ? [`all of (${all.join(", ")})`] : all),
  ];
  return any.join(" or ") || "never";
}

/** `bypass.stop` in short words: `idle 60000 ms`, or `none`. */
export function stopText({ idleMs, rate, forMs, ageMs }: StopConfig): string {
  const parts = [
    ...(idleMs === undefined ? [] : [`idle ${idleMs} ms`]),
    ...(rate === undefined ? [] : [`rate below ${rate.perSecond} ${rate.of}/s for ${forMs} ms`]),
    ...(ageMs === undefined ? [] : [`instruction age ${ageMs} ms`]),
  ];
  return parts.join(" or ") || "none";
}

function thresholdTexts({ bytes, packets, ageMs, rate }: ThresholdConfig): string[] {
  return [
    ...(bytes === undefined ? [] : [`bytes ${bytes}`]),
    ...(packets === undefined ? [] : [`packets ${packets}`]),
    ...(ageMs === undefined ? [] : [`age ${ageMs} ms`]),
    ...(rate === undefined ? [] : [`rate ${rate.perSecond} ${rate.of}/s`]),
  ];
}

function restrictionTexts({ clients, servers, load, where }: StartConfig): string[] {
  return [
    ...(clients ? [`clients ${clients.map(formatPrefix).join(", ")}`] : []),
    ...(servers ? [`servers ${servers.join(", ")}`] : []),
    ...(load ? [`load above ${formatLoad(load)}`] : []),
    ...(where ? [`where ${where.text}`] : []),
  ];
}
