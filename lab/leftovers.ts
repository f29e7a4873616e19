import type { BypathLab } from "./bypath_lab.ts";
import type { InspectedStatus } from "./inspect_json.ts";
import { SERVER_NAMES } from "./lab_files.ts";
import { processesIn } from "./namespace.ts";
import type { Report } from "./report.ts";
import { formatDuration } from "./terminal.ts";
import type { NodeName } from "./topology.ts";
import { WaitError, waitFor } from "./wait.ts";

/** Where daemons run. */
const HOSTS = ["nat", ...SERVER_NAMES] as const;

/**
 * Waits, after all clients have ended, until nothing is left of their sessions: none in the NAT
 * machine's table, no instruction at the NAT machine or at an agent. Checks it.
 */
export async function checkTablesEmpty(
  lab: BypathLab,
  report: Report,
  timeoutMs = 30_000,
): Promise<void> {
  const started = performance.now();
  let left: string[] = [];
  try {
    await waitFor("the tables to be empty", async () => {
      left = await tablesLeft(lab);
      return left.length === 0;
    }, { timeoutMs, everyMs: 200 });
  } catch (error) {
    if (!(error instanceof WaitError)) throw error;
  }
  const tookMs = performance.now() - started;
  report.figure("tablesEmptyMs", Math.round(tookMs));
  report.check(
    `${formatDuration(tookMs)} after the clients ended no session and no instruction is left, ` +
      `neither at the NAT machine nor at an agent`,
    left.length === 0,
    left.join("; "),
  );
}

/** Sessions and instructions that any daemon still has, in words. */
export async function tablesLeft(lab: BypathLab): Promise<string[]> {
  const left: string[] = [];
  if (lab.isRunning("nat")) {
    const { sessions } = await lab.ask<InspectedStatus>("status");
    if (sessions.total > 0) return [`${sessions.total} sessions`];
    // The daemon's count and its table are two things.
    const inTable = await lab.sessions();
    if (inTable.length > 0) left.push(`${inTable.length} sessions in the table`);
  }
  for (const target of HOSTS) {
    if (!lab.isRunning(target)) continue;
    const instructions = await lab.instructions(target);
    if (instructions.length > 0) left.push(`${instructions.length} instructions of ${target}`);
  }
  return left;
}

/** What a daemon could change on its host, as lines of text, by node. */
export type HostStates = ReadonlyMap<NodeName, readonly string[]>;

/** Devices, addresses, routes of all tables, rules, kernel settings, processes, sockets. */
export async function readHostStates(lab: BypathLab): Promise<HostStates> {
  const states = await Promise.all(HOSTS.map(async (node) => {
    const text = await lab.lab.mustRun(node, ["sh", "-c", COMMANDS]);
    const lines = text.split("\n").filter((line) => line !== "").map(steady);
    const processes = await processesIn(lab.lab.namespace(node));
    const programs = processes.map((pid) => `process ${commandOf(pid)}`).toSorted();
    return [node, [...lines, ...programs]] as const;
  }));
  return new Map(states);
}

/** The same of a lab that was just made, once its links and addresses are settled. */
export async function readSettledHostStates(lab: BypathLab): Promise<HostStates> {
  return await waitFor("the links to be up", async () => {
    const states = await readHostStates(lab);
    const unsettled = /NO-CARRIER|tentative|state (DOWN|LOWERLAYERDOWN)/;
    return [...states.values()].flat().some((line) => unsettled.test(line)) ? null : states;
  });
}

/** Checks, after the daemons have ended, that their hosts are as they were before. */
export async function checkHostsAsBefore(
  lab: BypathLab,
  report: Report,
  before: HostStates,
): Promise<void> {
  const after = await readHostStates(lab);
  const changes = HOSTS.flatMap((node) => {
    const was = before.get(node) ?? [];
    const is = after.get(node) ?? [];
    return [
      ...is.filter((line) => !was.includes(line)).map((line) => `${node} has "${line}"`),
      ...was.filter((line) => !is.includes(line)).map((line) => `${node} lacks "${line}"`),
    ];
  });
  for await (const { name } of Deno.readDir(lab.folder)) {
    if (name.endsWith(".sock")) changes.push(`the socket ${name} exists`);
  }
  const settings = [...before.values()].flat().length;
  report.check(
    `the daemons' hosts are as they were: ${settings} devices, addresses, routes, rules, ` +
      `kernel settings and processes compared`,
    changes.length === 0,
    changes.slice(0, 5).join("; "),
  );
}

/** `bridge` and `ip monitor` know more; this is what a route, a device or a setting shows itself by. */
const COMMANDS = [
  "ip -details -oneline link show",
  "ip -oneline address show",
  "ip -4 route show table all",
  "ip -6 route show table all",
  "ip -4 rule show",
  "ip -6 rule show",
  "grep -rs . /proc/sys/net || true",
].join("\n");

/** Without what changes by itself: lifetimes, counters, the state of a stranger's neighbour. */
function steady(line: string): string {
  return line
    .replace(/ expires \d+sec/, "")
    .replace(/valid_lft \d+sec preferred_lft \d+sec/, "")
    .replace(/\\\s+/g, " ")
    .trim();
}

function commandOf(pid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
}
