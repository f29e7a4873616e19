/**
 * The screen of `inspect status`, of a NAT machine and of an agent.
 *
 * @module
 */
import type {
  AgentOfNat,
  AgentStatus,
  NatStatus,
  OperatorOrders,
  PacketCounts,
  Status,
} from "./answers.ts";
import { busyShares, sharesText } from "./busy_shares.ts";
import {
  exactCount,
  humanBitRate,
  humanBytes,
  humanCount,
  humanDuration,
} from "../config/human.ts";
import { printable } from "./palette.ts";
import { type Column, renderTable, type TableOptions } from "./table.ts";

/** @param later a second look at the same daemon, from which the rates are; or the same again */
export function formatStatus(first: Status, later: Status, style: TableOptions): string {
  const busy = busyLines(first, later);
  const parts = later.role === "agent"
    ? agentParts(later, busy, style)
    : natParts(later, busy, style);
  return [
    heading(later, style),
    ...parts,
    renderTable(counterRows(first, later), COUNTER_COLUMNS, style),
    ...dropPart(later, style),
  ].join("\n");
}

function heading({ role, version, ready, uptimeMs }: Status, { paint }: TableOptions): string {
  const name = role === "agent" ? "agent" : "NAT machine";
  const state = ready ? paint("green", "ready") : paint("red", "not ready");
  return `${paint("bold", `bypath ${printable(version)}, ${name}`)}: ${state}, ` +
    `up ${humanDuration(uptimeMs)}\n`;
}

/** A name and what there is to say about it. */
type Line = readonly [string, string];

function natParts(status: NatStatus, busy: readonly Line[], style: TableOptions): string[] {
  const { total, bypass, capacity } = status.sessions;
  const { interfaces, hostShield, services, instructions } = status;
  const lines: Line[] = [
    ...given("interfaces", interfaces?.join(", ")),
    ...given("host shield", hostShield === undefined ? undefined : hostShield ? "stands" : "none"),
    ...given("services", services),
    [
      "sessions",
      `${exactCount(total)} of ${exactCount(capacity)}: ` +
      `${exactCount(total - bypass)} via NAT, ${exactCount(bypass)} bypass`,
    ],
    ...given("instructions", instructions),
    ...orders(status.operator),
    ...busy,
    ...given("sends by", status.worker?.sendsBy),
  ];
  const agents = status.agents.length === 0
    ? "No agent has connected\n"
    : renderTable(status.agents, AGENT_COLUMNS, style);
  return [namedLines(lines), agents];
}

/** What an operator keeps from bypassing, and what is draining; nothing when nothing is ordered. */
function orders(operator: OperatorOrders | undefined): Line[] {
  if (operator === undefined) return [];
  const { all, services, servers, sessions, draining } = operator;
  const stopped = [...(all ? ["all"] : []), ...services, ...servers, ...sessions];
  return [
    ...given("stopped", stopped.map((it) => printable(it)).join(", ") || undefined),
    ...given("draining", draining.map((it) => printable(it)).join(", ") || undefined),
  ];
}

const AGENT_COLUMNS: readonly Column<AgentOfNat>[] = [
  { name: "agent", value: (row) => row.name },
  { name: "addresses", value: (row) => row.addresses.join(", "), leastWidth: 15 },
  {
    name: "connected",
    value: (row) => row.connected,
    style: (row) => row.connected ? "green" : "red",
  },
  {
    name: "bypass",
    value: (row) =>
      row.able === undefined ? null : row.silent ? "silent" : row.able ? "able" : "unable",
    style: (row) => row.able === false || row.silent ? "yellow" : undefined,
  },
  {
    name: "report",
    value: (row) => row.lastReportMs ?? null,
    text: (row) => row.lastReportMs == null ? "-" : `${humanDuration(row.lastReportMs)} ago`,
    right: true,
    expendable: 3,
  },
  { name: "reason", value: (row) => row.reason ?? null, expendable: 1, leastWidth: 12 },
];

function agentParts(status: AgentStatus, busy: readonly Line[], style: TableOptions): string[] {
  const { able, reason } = status.bypass;
  const lines: Line[] = [
    ["bypass", bypassText(able, reason)],
    ["instructions", String(status.instructions)],
    ...busy,
    ...given("sends by", status.worker?.sendsBy),
  ];
  const machines = status.nat.length === 0
    ? "No NAT machine is configured\n"
    : renderTable(status.nat, NAT_COLUMNS, style);
  return [namedLines(lines), machines];
}

/** An agent may be able in one family and not in the other. */
function bypassText(able: boolean, reason: string | null): string {
  if (!able) return `unable: ${reason ?? "no reason given"}`;
  return reason === null ? "able" : `able in one family; ${reason}`;
}

const NAT_COLUMNS: readonly Column<AgentStatus["nat"][number]>[] = [
  { name: "NAT machine", value: (row) => row.address },
  { name: "name", value: (row) => row.name },
  {
    name: "connected",
    value: (row) => row.connected,
    style: (row) => row.connected ? "green" : "red",
  },
  { name: "reason", value: (row) => row.reason, expendable: 1, leastWidth: 12 },
];

/** One counter with its rate. */
interface CounterRow {
  readonly name: string;
  readonly total: string;
  readonly rate: string;
}

const COUNTER_COLUMNS: readonly Column<CounterRow>[] = [
  { name: "counter", value: (row) => row.name },
  { name: "total", value: (row) => row.total, right: true },
  { name: "rate", value: (row) => row.rate, right: true },
];

function counterRows(first: Status, later: Status): CounterRow[] {
  const seconds = (later.uptimeMs - first.uptimeMs) / 1000;
  const row = (
    name: string,
    before: number,
    now: number,
    format: { total(value: number): string; rate(perSecond: number): string },
  ): CounterRow => ({
    name,
    total: format.total(now),
    rate: seconds > 0 ? format.rate(Math.max(0, now - before) / seconds) : "-",
  });
  const packets = { total: exactCount, rate: (value: number) => `${humanCount(value)}/s` };
  const bytes = { total: humanBytes, rate: humanBitRate };
  const before = packetTotals(first.packets);
  return [
    ...Object.entries(packetTotals(later.packets)).map(([name, now]) =>
      row(`packets ${inWords(name)}`, before[name] ?? 0, now, packets)
    ),
    ...Object.entries(later.bytes ?? {}).map(([name, now]) =>
      row(`bytes ${inWords(name)}`, first.bytes?.[name] ?? 0, now, bytes)
    ),
  ];
}

/** What is counted of packets, drops as one number and last. */
function packetTotals({ dropped, ...counts }: PacketCounts): Record<string, number> {
  return {
    ...counts as Record<string, number>,
    dropped: Object.values(dropped).reduce((sum, count) => sum + count, 0),
  };
}

/** Drops by reason, the most frequent first; malformed packets by what is wrong with them. */
function dropPart({ packets, malformed = {} }: Status, style: TableOptions): string[] {
  const byCount = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts).filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
  const rows = byCount(packets.dropped).flatMap(([name, count]) => [
    [name, count] as const,
    ...(name === "malformed" ? byCount(malformed).map(([why, n]) => [`  ${why}`, n] as const) : []),
  ]);
  if (rows.length === 0) return [];
  return [renderTable(rows, DROP_COLUMNS, style)];
}

const DROP_COLUMNS: readonly Column<readonly [string, number]>[] = [
  { name: "dropped because", value: ([name]) => name },
  { name: "packets", value: ([, count]) => count, text: ([, n]) => exactCount(n), right: true },
];

/** `viaNat` to `via NAT`. */
function inWords(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replace(/\bnat\b/, "NAT");
}

/** How busy the packets kept each of their threads between the two looks. */
function busyLines(first: Status, later: Status): Line[] {
  const shares = busyShares(first, later, later.uptimeMs - first.uptimeMs);
  if (shares.length === 0) return [];
  const name = shares.length === 1 ? "packet thread" : "packet threads";
  return [[name, `${sharesText(shares)} busy`]];
}

function given(name: string, value: string | number | undefined): Line[] {
  return value === undefined ? [] : [[name, String(value)]];
}

function namedLines(lines: readonly Line[]): string {
  const width = lines.reduce((most, [name]) => Math.max(most, name.length), 0);
  return lines.map(([name, text]) => `${name.padEnd(width)}  ${printable(text)}\n`).join("");
}
