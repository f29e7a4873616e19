/**
 * The screen of `inspect top` as lines of text. Pure: what is on it is in its arguments.
 *
 * @module
 */
import type { SessionView } from "../session/session_view.ts";
import { humanBitRate, humanBytes, humanCount, humanDuration } from "../config/human.ts";
import type { Paint, Style } from "./palette.ts";
import type { Flow } from "./session_meter.ts";
import { sparkline } from "./sparkline.ts";
import { type Column, renderTable } from "./table.ts";
import { type TopState, VIEWS } from "./top_state.ts";

export interface SessionRow {
  readonly session: SessionView;
  /** Bytes a second, both directions. */
  readonly rate: number;
}

/** A service, or a server of one. */
export interface GroupRow {
  readonly service: string;
  readonly server: string;
  readonly flow: Flow;
  readonly note: string;
}

/** What is shown. */
export interface TopContent {
  readonly title: string;
  readonly total: Flow;
  /** Bytes a second of responses at each look, oldest first. */
  readonly history: { readonly viaNat: readonly number[]; readonly viaBypass: readonly number[] };
  readonly counters: string;
  /** Something went wrong; null: nothing did. */
  readonly trouble: string | null;
  readonly rows:
    | { readonly kind: "sessions"; readonly rows: readonly SessionRow[] }
    | { readonly kind: "groups"; readonly rows: readonly GroupRow[] };
  /** Rows that there are, of which those in `rows` are shown. */
  readonly matching: number;
}

export interface Screen {
  readonly columns: number;
  readonly lines: number;
  readonly paint: Paint;
}

/** Lines around the table: four above, its heading, two below. */
const AROUND = 7;

/** Rows of the table that a screen has room for. */
export function pageRows(lines: number): number {
  return Math.max(1, lines - AROUND);
}

export function renderTop(content: TopContent, state: TopState, screen: Screen): string[] {
  const { columns, lines, paint } = screen;
  const head = [
    titleLine(content, state, screen),
    ...trafficLines(content, screen),
    content.trouble === null
      ? cut(content.counters, columns)
      : paint("red", cut(content.trouble, columns)),
  ];
  const body = state.help
    ? HELP.map((line) => cut(line, columns))
    : tableLines(content, state, screen);
  const foot = [statusLine(content, state, screen), keyLine(state, screen)];
  const room = Math.max(0, lines - head.length - foot.length);
  const middle = body.slice(0, room);
  while (middle.length < room) middle.push("");
  return [...head, ...middle, ...foot].slice(0, lines);
}

function titleLine({ title }: TopContent, state: TopState, { columns, paint }: Screen): string {
  const right = state.paused ? "PAUSED" : `every ${humanDuration(state.intervalMs)}`;
  const left = cut(title, Math.max(0, columns - right.length - 1));
  const gap = " ".repeat(Math.max(1, columns - left.length - right.length));
  return paint("bold", left) + gap + paint(state.paused ? "yellow" : "dim", right);
}

function trafficLines({ total, history }: TopContent, screen: Screen): string[] {
  const { columns, paint } = screen;
  const responses = total.viaNat + total.viaBypass;
  const share = responses === 0 ? "-" : `${Math.round(100 * total.viaBypass / responses)} %`;
  const line = (
    name: string,
    { rate, sessions, values, style, note }: {
      readonly rate: number;
      readonly sessions: number;
      readonly values: readonly number[];
      readonly style: Style;
      readonly note: string;
    },
  ) => {
    const text = cut(
      `${name.padEnd(7)} ${humanBitRate(rate).padStart(11)} ${
        humanCount(sessions).padStart(7)
      } sessions  ${note.padEnd(17)}`,
      columns,
    );
    // One scale for both paths would hide the smaller: each has its own.
    return text + paint(style, sparkline(values, Math.min(60, columns - text.length)));
  };
  return [
    line("nat", {
      rate: total.viaNat,
      sessions: total.sessions - total.bypassing,
      values: history.viaNat,
      style: "yellow",
      note: `in ${humanBitRate(total.fromClient)}`,
    }),
    line("bypass", {
      rate: total.viaBypass,
      sessions: total.bypassing,
      values: history.viaBypass,
      style: "green",
      note: `${share} of responses`,
    }),
  ];
}

function tableLines({ rows }: TopContent, { view }: TopState, screen: Screen): string[] {
  const { columns, paint } = screen;
  const style = { width: columns, paint, isPage: true };
  const text = rows.kind === "sessions"
    ? renderTable(rows.rows, SESSION_COLUMNS, style)
    : renderTable(rows.rows, view === "servers" ? SERVER_COLUMNS : GROUP_COLUMNS, style);
  return text.trimEnd().split("\n");
}

function statusLine(content: TopContent, state: TopState, { columns, paint }: Screen): string {
  if (state.typing !== null) {
    return cut(`Filter (address, prefix, :port, service): ${state.typing}█`, columns);
  }
  const { matching, rows } = content;
  const first = rows.rows.length === 0 ? 0 : state.scrolled + 1;
  const views = VIEWS.map((view, i) =>
    view === state.view ? `[${i + 1} ${view}]` : `${i + 1} ${view}`
  );
  const narrowed = [
    ...(state.path === null ? [] : [`path ${state.path}`]),
    ...(state.filter === "" ? [] : [`filter ${state.filter}`]),
  ];
  const text = [
    views.join(" "),
    `${first}-${state.scrolled + rows.rows.length} of ${humanCount(matching)}`,
    `by ${state.sort[state.view]}${state.reversed ? " reversed" : ""}`,
    ...narrowed,
  ].join("  ");
  return paint(narrowed.length > 0 ? "yellow" : "cyan", cut(text, columns));
}

function keyLine(state: TopState, { columns, paint }: Screen): string {
  if (state.typing !== null) {
    return paint("dim", cut("Enter apply  Esc leave  Ctrl-U clear", columns));
  }
  const keys = `q quit  p ${
    state.paused ? "go on" : "pause"
  }  Tab view  s sort  r reverse  b path  / filter  ? help`;
  return paint("dim", cut(keys, columns));
}

const HELP: readonly string[] = [
  "",
  "  1 2 3, Tab, left, right   sessions, servers, services",
  "  s, S                      sort by the next column, the one before",
  "  r                         in reverse",
  "  b                         sessions of both paths, via NAT, that bypass",
  "  /                         filter: addresses, prefixes, :ports, services",
  "  Esc                       all sessions again",
  "  up, down, PgUp, PgDn      scroll (also k and j); Home: the first row",
  "  p, Space                  pause, and go on",
  "  + -                       look less often, more often",
  "  Ctrl-Z                    to the shell, fg comes back",
  "  q, Ctrl-C                 quit",
  "",
  "  Rates are IP bits a second, smoothed over some seconds. Any key goes back.",
];

const SESSION_COLUMNS: readonly Column<SessionRow>[] = [
  { name: "client", value: ({ session }) => session.client },
  { name: "service", value: ({ session }) => session.service, expendable: 2, leastWidth: 7 },
  { name: "server", value: ({ session }) => session.server, expendable: 3 },
  {
    name: "path",
    value: ({ session }) => session.path,
    style: ({ session }) => session.path === "bypass" ? "green" : "yellow",
  },
  { name: "rate", value: (row) => row.rate, text: (row) => humanBitRate(row.rate), right: true },
  {
    name: "bytes",
    value: ({ session }) => sum(session),
    text: ({ session }) => humanBytes(sum(session)),
    right: true,
    expendable: 4,
  },
  {
    name: "age",
    value: ({ session }) => session.ageMs,
    text: ({ session }) => humanDuration(session.ageMs),
    right: true,
    expendable: 5,
  },
  {
    name: "idle",
    value: ({ session }) => session.idleMs,
    text: ({ session }) => humanDuration(session.idleMs),
    right: true,
    expendable: 6,
  },
  { name: "state", value: ({ session }) => session.state, expendable: 8 },
  { name: "reason", value: ({ session }) => session.reason, expendable: 7, leastWidth: 10 },
];

const GROUP_COLUMNS: readonly Column<GroupRow>[] = [
  { name: "service", value: (row) => row.service, leastWidth: 7 },
  {
    name: "sessions",
    value: (row) => row.flow.sessions,
    text: (row) => humanCount(row.flow.sessions),
    right: true,
  },
  {
    name: "bypass",
    value: (row) => row.flow.bypassing,
    text: (row) => humanCount(row.flow.bypassing),
    right: true,
  },
  {
    name: "via nat",
    value: (row) => row.flow.viaNat,
    text: (row) => humanBitRate(row.flow.viaNat),
    right: true,
  },
  {
    name: "direct",
    value: (row) => row.flow.viaBypass,
    text: (row) => humanBitRate(row.flow.viaBypass),
    right: true,
    style: (row) => row.flow.viaBypass > 0 ? "green" : undefined,
  },
  {
    name: "inbound",
    value: (row) => row.flow.fromClient,
    text: (row) => humanBitRate(row.flow.fromClient),
    right: true,
    expendable: 3,
  },
];

const SERVER_COLUMNS: readonly Column<GroupRow>[] = [
  ...GROUP_COLUMNS.slice(0, 1),
  { name: "server", value: (row) => row.server },
  ...GROUP_COLUMNS.slice(1),
  { name: "state", value: (row) => row.note, expendable: 2, leastWidth: 6 },
];

function sum({ bytes }: SessionView): number {
  return bytes.fromClient + bytes.viaNat + bytes.viaBypass;
}

function cut(text: string, columns: number): string {
  return text.length > columns ? `${text.slice(0, Math.max(0, columns - 1))}…` : text;
}
