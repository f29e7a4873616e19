import type { StartConfig, StopConfig, ThresholdConfig } from "../config/criteria_config.ts";
import { humanDuration } from "../config/human.ts";
import { formatLoad, type Load } from "../config/rate.ts";
import type { ServiceConfig } from "../config/nat_config.ts";
import { isMetered } from "./datapath_config.ts";
import type { SessionView } from "../session/session_view.ts";
import { reasonText } from "../session/path_reason.ts";
import { formatPrefix } from "../wire/prefix.ts";
import { criteriaText, stopText } from "./criteria_text.ts";
import type { ExplainStep } from "./explain.ts";
import type { Restriction } from "./start_restrictions.ts";

/** What the criteria look at of one session, now. */
export interface CriteriaFacts {
  /** Bytes and packets a second, smoothed; null where nothing asks for it. */
  readonly byteRate: number | null;
  readonly packetRate: number | null;
  /** What `bypass.start` asks for beside its criteria and the session does not satisfy. */
  readonly restriction: Restriction | null;
  /** The machine's load in the terms of the configured one; null where none is. */
  readonly load: number | null;
  /** For how long the criteria do not decide; 0: they may. */
  readonly pauseMs: number;
  /** Of the instruction in force. */
  readonly instructionAgeMs: number;
  /** Of the server's agent. */
  readonly instructions: number;
  readonly limit: number;
  /** What stands against a bypass beside all this; absent, or null: nothing. */
  readonly against?: string | null;
}

/** The rates of a session, by whoever measures them on its path; null where nobody does. */
export function measuredRates(
  slot: number,
  service: ServiceConfig | undefined,
  from: { bypasses: boolean; direct: Rates; rates: Rates | undefined },
): Pick<CriteriaFacts, "byteRate" | "packetRate"> {
  const { bypasses, direct } = from;
  const rates = bypasses ? direct : from.rates;
  const isMeasured = rates !== undefined && service !== undefined &&
    (bypasses ? service.bypass.stop.rate !== undefined : isMetered(service.bypass));
  return {
    byteRate: isMeasured ? rates.byteRate(slot) : null,
    packetRate: isMeasured ? rates.packetRate(slot) : null,
  };
}

interface Rates {
  byteRate(slot: number): number;
  packetRate(slot: number): number;
}

/** What each start criterion sees, and what it needs. */
export function startSteps(
  start: StartConfig,
  session: SessionView,
  facts: CriteriaFacts,
): ExplainStep[] {
  const seen = seenOf(session, facts);
  const details = [
    ...thresholds(start, seen).map(({ text }) => text),
    ...(start.all ? [allText(start.all, seen)] : []),
  ];
  const counts =
    `${session.packets.viaNat} packets and ${session.bytes.viaNat} bytes via NAT so far`;
  return [
    {
      step: "start criteria",
      result: criteriaText(start),
      detail: details.length === 0 ? counts : `${details.join("; ")}; ${counts}`,
    },
    ...restrictionSteps(start, facts),
  ];
}

/** What each stop criterion sees, and what it needs. */
export function stopStep(
  stop: StopConfig,
  session: SessionView,
  facts: CriteriaFacts,
): ExplainStep {
  const { idleMs, rate, ageMs } = stop;
  const measured = rate?.of === "packets" ? facts.packetRate : facts.byteRate;
  const details = [
    `idle ${humanDuration(session.idleMs)}${
      idleMs === undefined ? "" : ` of ${humanDuration(idleMs)}`
    }`,
    ...(rate === undefined ? [] : [
      `rate ${
        measured === null ? "not measured" : Math.round(measured)
      }, stops below ${rate.perSecond} ${rate.of}/s`,
    ]),
    ...(ageMs === undefined || session.path === "nat"
      ? []
      : [`instruction age ${humanDuration(facts.instructionAgeMs)} of ${humanDuration(ageMs)}`]),
  ];
  return { step: "stop criteria", result: stopText(stop), detail: details.join("; ") };
}

/** What would take the session to the other path. */
export function changeStep(
  { start, stop }: { start: StartConfig; stop: StopConfig },
  session: SessionView,
  facts: CriteriaFacts,
): ExplainStep {
  const result = session.path === "bypass" ? "to nat" : "to bypass";
  return { step: "would change", result, detail: change({ start, stop }, session, facts) };
}

function change(
  { start, stop }: { start: StartConfig; stop: StopConfig },
  session: SessionView,
  facts: CriteriaFacts,
): string {
  if (session.state === "closed") return "nothing: the session is over";
  if (session.path === "bypass") {
    const criteria = stopText(stop);
    return `${
      criteria === "none" ? "" : `${criteria}, `
    }an operator's stop, draining, or its agent`;
  }
  if (start.never) return "another configuration: bypass.start is never";
  const { restriction, pauseMs, against } = facts;
  if (restriction !== null) {
    const why = reasonText(restriction.reason, restriction.value);
    if (!restriction.mayChange) return `another configuration: ${why}`;
    return `once this changes: ${why}${pauseText(pauseMs)}`;
  }
  const { instruction } = session;
  if (instruction !== null) {
    const { generation, leaseMs } = instruction;
    return `the agent's word on instruction ${generation}, or the end of its lease in ${
      humanDuration(leaseMs)
    }`;
  }
  if (against !== undefined && against !== null) return `once this is over: ${against}`;
  if (facts.instructions >= facts.limit) {
    return `a place: its agent has ${facts.instructions} of ${facts.limit} instructions, which the busiest sessions get`;
  }
  if (pauseMs > 0) return `the end of its pause${pauseText(pauseMs)}`;
  const missing = missingOf(start, seenOf(session, facts));
  return missing.length === 0
    ? "its next response, if nothing above speaks against it"
    : missing.join(" or ");
}

/** What the start criteria still need; empty when one is met. */
function missingOf(start: StartConfig, seen: Seen): string[] {
  if (start.immediately) return [];
  const any = thresholds(start, seen);
  const all = (start.all ?? []).flatMap((one) => thresholds(one, seen));
  const missing = all.filter(({ met }) => !met);
  if (any.some(({ met }) => met) || (all.length > 0 && missing.length === 0)) return [];
  const together = missing.map(({ needs }) => needs).join(" and ");
  return [...any.map(({ needs }) => needs), ...(together === "" ? [] : [together])];
}

function pauseText(pauseMs: number): string {
  return pauseMs > 0 ? `, asked again in ${humanDuration(pauseMs)}` : "";
}

interface Seen {
  readonly bytes: number;
  readonly packets: number;
  readonly ageMs: number;
  readonly byteRate: number | null;
  readonly packetRate: number | null;
}

/** As the packet worker counts: responses via NAT. */
function seenOf(session: SessionView, { byteRate, packetRate }: CriteriaFacts): Seen {
  const { ageMs, packets, bytes } = session;
  return { bytes: bytes.viaNat, packets: packets.viaNat, ageMs, byteRate, packetRate };
}

interface Compared {
  readonly met: boolean;
  readonly text: string;
  readonly needs: string;
}

function thresholds({ bytes, packets, ageMs, rate }: ThresholdConfig, seen: Seen): Compared[] {
  const measured = rate?.of === "packets" ? seen.packetRate : seen.byteRate;
  return [
    ...(bytes === undefined ? [] : [compared("bytes", seen.bytes, bytes)]),
    ...(packets === undefined ? [] : [compared("packets", seen.packets, packets)]),
    ...(ageMs === undefined ? [] : [compared("age", seen.ageMs, ageMs, " ms")]),
    ...(rate === undefined ? [] : [compared("rate", measured, rate.perSecond, ` ${rate.of}/s`)]),
  ];
}

function compared(name: string, value: number | null, needed: number, unit = ""): Compared {
  const met = value !== null && value >= needed;
  const now = value === null ? "not measured" : String(Math.round(value));
  return {
    met,
    text: `${name} ${now} of ${needed}${unit}${value === null ? "" : met ? ": met" : ": not met"}`,
    needs: `${name} ${needed}${unit} (now ${now})`,
  };
}

function allText(all: readonly ThresholdConfig[], seen: Seen): string {
  const parts = all.flatMap((one) => thresholds(one, seen));
  const met = parts.filter((part) => part.met).length;
  return `all of (${parts.map(({ text }) => text).join(", ")}): ${met} of ${parts.length} met`;
}

function restrictionSteps(start: StartConfig, facts: CriteriaFacts): ExplainStep[] {
  const { clients, servers, load, where } = start;
  const details = [
    ...(clients ? [`clients in ${clients.map(formatPrefix).join(", ")}`] : []),
    ...(servers ? [`servers ${servers.join(", ")}`] : []),
    ...(load
      ? [`load ${loadText(load, facts.load ?? 0)}, needs more than ${formatLoad(load)}`]
      : []),
    ...(where ? [`where ${where.text}`] : []),
  ];
  if (details.length === 0) return [];
  const { restriction } = facts;
  const error = restriction?.error === undefined ? "" : `: ${restriction.error}`;
  return [{
    step: "restrictions",
    result: restriction === null
      ? "satisfied"
      : `${reasonText(restriction.reason, restriction.value)}${error}`,
    detail: details.join("; "),
  }];
}

function loadText(load: Load, measured: number): string {
  return load.of === "core"
    ? `${Math.round(measured * 1000) / 10}%`
    : `${Math.round(measured)} ${load.of}/s`;
}
