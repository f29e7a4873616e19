import type { BypathLab } from "./bypath_lab.ts";
import type { Download } from "./download.ts";
import type { InspectedSession } from "./inspect_json.ts";
import { SERVER_NAMES, type ServerName } from "./lab_files.ts";
import type { Report } from "./report.ts";
import { between, natShare, readRoads, type RoadCounters } from "./roads.ts";
import { formatBytes, formatCount, formatDuration, formatShare } from "./terminal.ts";
import { ADDRESSES } from "./topology.ts";
import { contentHash } from "./traffic/content.ts";
import type { HttpGetResult } from "./traffic/http_get.ts";
import { waitFor } from "./wait.ts";

/** What later steps know from earlier ones. */
export interface DemoState {
  /** Routes and interfaces of s1 before any agent ran there. */
  serverBefore?: string;
  /** Told of what is done to the lab, at the moment of it. */
  mark(label: string, text: string): void;
}

export interface DemoStep {
  readonly title: string;
  /** Without it the later steps make no sense. */
  readonly needed: boolean;
  run(lab: BypathLab, report: Report, state: DemoState): Promise<void>;
}

const CRITERION_BYTES = 16 * 1024 * 1024;
/** Where a download is surely past the criterion and its instruction in force. */
const BYPASSING_BYTES = 24_000_000;
/** How often a terminal shows the way that the bytes come. */
const LIVE_MS = 250;
/** Bytes a second: slow enough to watch. */
const RATE = 16_000_000;
/** A large file: its download goes on for seconds after it has begun to bypass. */
const LARGE_BYTES = 80_000_000;
/** Acknowledgements, the control channel and ARP cross the NAT machine's link whatever happens. */
const NEARLY_NONE = 0.01;

export const DEMO_STEPS: readonly DemoStep[] = [
  { title: "A network of six machines on this host", needed: true, run: showNetwork },
  { title: "The NAT machine, two servers, an agent on each", needed: true, run: startAll },
  {
    title: "A small file: below the criterion, all by way of the NAT machine",
    needed: false,
    run: smallFile,
  },
  {
    title: "A large file: it crosses the criterion and leaves the NAT machine",
    needed: false,
    run: largeFile,
  },
  { title: "Stop, in the middle of a download", needed: false, run: stopInTheMiddle },
  { title: "kill -9 of the agent, in the middle of a download", needed: false, run: killAgent },
  { title: "kill -9 of the NAT machine, in the middle of a download", needed: false, run: killNat },
  { title: "Everything leaves, and the servers are as they were", needed: false, run: leave },
];

async function showNetwork(lab: BypathLab, report: Report, state: DemoState): Promise<void> {
  report.facts([
    ["client", "198.51.100.2"],
    ["router", "198.51.100.1  192.0.2.1  10.0.0.254"],
    ["nat", "192.0.2.2  10.0.0.1", "the service: VIP 203.0.113.10 port 80"],
    ["s1, s2", "10.0.0.11  10.0.0.12", "its servers: port 8080"],
  ]);
  report.aside(`network namespaces ${lab.lab.name}-client and so on, joined by veth pairs`);
  state.serverBefore = await serverState(lab, "s1");
}

async function startAll(lab: BypathLab, report: Report): Promise<void> {
  await lab.startServers();
  await lab.startNat((config) => {
    for (const service of config.services) {
      service.bypass = { start: { bytes: CRITERION_BYTES } };
    }
  });
  await lab.startAgents();
  const status = await lab.status();
  const agents = status.agents.filter((agent) => agent.connected).map((agent) => agent.name);
  report.aside(
    "$ bypath inspect status",
    `  ready ${status.ready ? "yes" : "no"}, agents connected: ${agents.join(", ")}`,
  );
  report.say(
    `The criterion, bypass.start in the NAT machine's configuration: bytes ` +
      formatCount(CRITERION_BYTES),
  );
  report.check(
    "the NAT machine translates, and both agents are connected and able",
    status.ready &&
      (await Promise.all(SERVER_NAMES.map((name) => lab.isAble(name)))).every(Boolean),
  );
}

async function smallFile(lab: BypathLab, report: Report): Promise<void> {
  const bytes = 8_000_000;
  const before = await readRoads(lab.lab);
  const download = startDownload(lab, report, { seed: 1, bytes, rate: RATE / 4 });
  await watch(lab, report, download.reached(bytes / 2));
  const session = await sessionOf(lab, download);
  saySession(report, session);
  const result = await finish(lab, report, download);
  const roads = between(before, await readRoads(lab.lab));
  sayRoads(report, [["whole download", roads]]);
  await checkFile(report, result, { seed: 1, bytes });
  report.check(
    "the client dealt with 203.0.113.10 port 80 alone",
    result.remote === `${ADDRESSES.vip}:80` && session.client === result.local,
    result.remote,
  );
  report.check(
    "every response byte passed the NAT machine",
    session.path === "nat" && roads.overNat >= bytes && roads.direct < bytes * NEARLY_NONE,
    `path ${session.path}, ${formatBytes(roads.direct)} went directly`,
  );
}

async function largeFile(lab: BypathLab, report: Report): Promise<void> {
  const bytes = LARGE_BYTES;
  const before = await readRoads(lab.lab);
  const download = startDownload(lab, report, { seed: 2, bytes });
  await watch(lab, report, download.reached(BYPASSING_BYTES));
  const crossed = await readRoads(lab.lab);
  const session = await sessionOf(lab, download);
  saySession(report, session);
  await sayInstruction(lab, report, session);
  const result = await finish(lab, report, download);
  const after = await readRoads(lab.lab);
  const whole = between(before, after);
  const later = between(crossed, after);
  sayRoads(report, [
    [`first ${formatBytes(BYPASSING_BYTES)}`, between(before, crossed)],
    ["the rest", later],
    ["whole download", whole],
  ]);
  await checkFile(report, result, { seed: 2, bytes });
  report.check(
    "inspect says: bypass, because the criterion was met",
    session.path === "bypass" && session.reason.includes(`${CRITERION_BYTES}`),
    `path ${session.path}, reason "${session.reason}"`,
  );
  report.check(
    `after the criterion the NAT machine carried ${formatShare(natShare(later))} of the responses`,
    natShare(later) < NEARLY_NONE,
  );
  report.check(
    `up to the criterion it carried all of them, ${formatBytes(whole.overNat)}`,
    whole.overNat > CRITERION_BYTES * 0.95 && whole.overNat < BYPASSING_BYTES * 1.1,
  );
}

async function stopInTheMiddle(
  lab: BypathLab,
  report: Report,
  state: DemoState,
): Promise<void> {
  const what = { seed: 3, bytes: LARGE_BYTES };
  const { download, session, bypassing } = await bypassingDownload(lab, report, what);
  await watch(lab, report, download.reached(what.bytes / 2));
  const stopped = between(bypassing, await readRoads(lab.lab));
  report.aside("$ bypath nat bypass stop --all");
  const asked = performance.now();
  state.mark("O", "bypath nat bypass stop --all");
  await lab.bypass("stop", "--all");
  const tookMs = performance.now() - asked;
  const acknowledged = await readRoads(lab.lab);
  const later = await sessionOf(lab, download);
  const result = await finish(lab, report, download);
  const rest = between(acknowledged, await readRoads(lab.lab));
  await lab.bypass("start", "--all");

  saySession(report, later);
  sayRoads(report, [["while bypassing", stopped], ["after the stop", rest]]);
  await checkFile(report, result, what);
  report.check(
    `the agent acknowledged; the command took ${formatDuration(tookMs)}`,
    session.path === "bypass" && later.path === "nat",
    `path ${session.path}, then ${later.path}`,
  );
  report.check(
    `NAT machine's share of the responses: ${formatShare(natShare(stopped))} before the stop, ` +
      `${formatShare(natShare(rest))} after it`,
    natShare(stopped) < NEARLY_NONE && natShare(rest) > 1 - NEARLY_NONE,
  );
}

async function killAgent(lab: BypathLab, report: Report, state: DemoState): Promise<void> {
  const what = { seed: 4, bytes: LARGE_BYTES };
  const { download, session, bypassing } = await bypassingDownload(lab, report, what);
  const server = serverOf(session);
  await watch(lab, report, download.reached(what.bytes / 2));
  const alive = between(bypassing, await readRoads(lab.lab));
  const agent = lab.agent(server);
  report.aside(`$ kill -9 ${agent.pid}        (the agent of ${server})`);
  state.mark("K", `kill -9 of the agent of ${server}`);
  agent.kill("SIGKILL");
  await agent.ended;
  const killed = await readRoads(lab.lab);
  const serverAfter = await serverState(lab, "s1");
  const result = await finish(lab, report, download);
  const rest = between(killed, await readRoads(lab.lab));

  sayRoads(report, [["while bypassing", alive], ["after the kill", rest]]);
  await checkFile(report, result, what);
  report.check(
    `NAT machine's share of the responses: ${formatShare(natShare(alive))} before the kill, ` +
      `${formatShare(natShare(rest))} after it`,
    session.path === "bypass" && natShare(alive) < NEARLY_NONE && natShare(rest) > 1 - NEARLY_NONE,
  );
  report.check(
    `longest moment without a new byte at the client: ${formatDuration(result.longestPauseMs)}`,
    result.longestPauseMs < 2_000,
  );
  if (server === "s1") {
    report.check(
      "the kernel took the agent's device and routes away",
      serverAfter === state.serverBefore,
      serverAfter,
    );
  }
  await lab.startAgent(server);
  report.check("a new agent is connected and able", await lab.isAble(server));
}

async function killNat(lab: BypathLab, report: Report, state: DemoState): Promise<void> {
  const what = { seed: 5, bytes: LARGE_BYTES };
  const { download, session } = await bypassingDownload(lab, report, what);
  await watch(lab, report, download.reached(what.bytes / 2));
  report.aside(`$ kill -9 ${lab.nat.pid}        (the NAT machine)`);
  const killedAt = performance.now();
  state.mark("K", "kill -9 of the NAT machine");
  lab.nat.kill("SIGKILL");
  await lab.nat.ended;
  await lab.restartNat();
  const downMs = performance.now() - killedAt;
  const known = await lab.sessionOf(session.client);
  const result = await finish(lab, report, download);

  report.say(
    `A new process translates ${formatDuration(downMs)} later, with the old one's session table.`,
  );
  if (known !== null) saySession(report, known);
  await checkFile(report, result, what);
  report.check(
    "the session is known to the new process, with the same four endpoints",
    known !== null && known.id === session.id && known.nat === session.nat &&
      known.server === session.server,
    known === null ? "no session" : `${known.id} ${known.nat} ${known.server}`,
  );
  report.check(
    `longest moment without a new byte at the client: ${formatDuration(result.longestPauseMs)}`,
    result.longestPauseMs < 10_000,
  );
  await waitFor(
    "both agents to be back",
    async () => (await Promise.all(SERVER_NAMES.map((name) => lab.isAble(name)))).every(Boolean),
    {
      timeoutMs: 15_000,
    },
  );
}

async function leave(lab: BypathLab, report: Report, state: DemoState): Promise<void> {
  for (const server of SERVER_NAMES) await lab.stopAgent(server);
  const agentLess = await serverState(lab, "s1");
  const { code } = await lab.nat.stop();
  report.check("the NAT machine ended on SIGTERM with status 0", code === 0, `status ${code}`);
  report.check(
    "a server has the interfaces and routes it had before its agent came",
    agentLess === state.serverBefore,
    agentLess,
  );
}

interface FileOptions {
  readonly seed: number;
  readonly bytes: number;
}

interface BypassingDownload {
  readonly download: Download;
  readonly session: InspectedSession;
  /** The counters at a moment when it bypasses. */
  readonly bypassing: RoadCounters;
}

/** Starts a download and waits until it is well past the criterion. */
async function bypassingDownload(
  lab: BypathLab,
  report: Report,
  file: FileOptions,
): Promise<BypassingDownload> {
  const download = startDownload(lab, report, file);
  await watch(lab, report, download.reached(BYPASSING_BYTES));
  const bypassing = await readRoads(lab.lab);
  const session = await sessionOf(lab, download);
  saySession(report, session);
  return { download, session, bypassing };
}

/** Waits; meanwhile a terminal shows which way the bytes come. */
async function watch<T>(lab: BypathLab, report: Report, waited: Promise<T>): Promise<T> {
  let over = false;
  const settled = waited.finally(() => over = true);
  settled.catch(() => {});
  let last = await readRoads(lab.lab);
  while (!over) {
    const tick = new Promise((resolve) => setTimeout(resolve, LIVE_MS));
    await Promise.race([settled, tick]).catch(() => {});
    const now = await readRoads(lab.lab);
    const passed = between(last, now);
    const perSecond = (bytes: number) => `${formatBytes(bytes / passed.atMs * 1000)}/s`;
    report.live(
      `now: ${perSecond(passed.overNat)} by the NAT machine, ${perSecond(passed.direct)} directly`,
    );
    last = now;
  }
  return await settled;
}

function finish(lab: BypathLab, report: Report, download: Download): Promise<HttpGetResult> {
  return watch(lab, report, download.result());
}

/** Starts a download and says so. */
function startDownload(
  lab: BypathLab,
  report: Report,
  { seed, bytes, rate = RATE }: FileOptions & { readonly rate?: number },
): Download {
  report.say(
    `The client downloads ${formatBytes(bytes)} from http://${ADDRESSES.vip}, ` +
      `${formatBytes(rate)} a second`,
  );
  return lab.download({ bytes, rate, seed });
}

async function sessionOf(lab: BypathLab, download: Download): Promise<InspectedSession> {
  const client = await download.connected();
  const session = await lab.sessionOf(client);
  if (session === null) throw new Error(`inspect sessions shows no session of ${client}`);
  return session;
}

function serverOf(session: InspectedSession): ServerName {
  const name = SERVER_NAMES.find((each) => session.server.startsWith(`${ADDRESSES[each]}:`));
  if (name === undefined) throw new Error(`Session of a server that is none: ${session.server}`);
  return name;
}

/** Interfaces and routes of a server: what an agent changes and has to undo. */
async function serverState(lab: BypathLab, server: ServerName): Promise<string> {
  const links = await lab.lab.mustRun(server, ["ip", "-br", "link", "show"]);
  const names = links.split("\n").filter(Boolean).map((line) => line.split(/[@\s]/)[0]).join(" ");
  return `${names}; ${(await lab.lab.mustRun(server, ["ip", "route", "show"])).trim()}`;
}

function saySession(report: Report, session: InspectedSession): void {
  const { packets } = session;
  report.aside(
    `$ bypath inspect sessions --client ${session.client}`,
    `  vip ${session.vip}  nat ${session.nat}  server ${session.server}`,
    `  path ${session.path}, reason "${session.reason}"`,
    `  response packets: ${formatCount(packets.viaNat)} via NAT, ` +
      `${formatCount(packets.viaBypass)} bypass`,
  );
}

async function sayInstruction(
  lab: BypathLab,
  report: Report,
  session: InspectedSession,
): Promise<void> {
  const instructions = await lab.instructions(serverOf(session));
  const ours = instructions.find((each) => each.session === session.id);
  report.check(
    "the agent holds an instruction for this session",
    ours !== undefined,
    `${instructions.length} instructions`,
  );
  if (ours === undefined) return;
  report.aside(
    `$ bypath inspect instructions        (on ${serverOf(session)})`,
    `  match    source ${ours.match.source}  destination ${ours.match.destination}`,
    `  rewrite  source ${ours.rewrite.source}  destination ${ours.rewrite.destination}`,
  );
}

function sayRoads(report: Report, rows: readonly (readonly [string, RoadCounters])[]): void {
  report.table(
    ["bytes", "out of the servers", "by the NAT machine", "directly"],
    rows.map(([name, roads]) => [
      name,
      formatCount(roads.fromServers),
      formatCount(roads.overNat),
      formatCount(roads.direct),
    ]),
  );
}

async function checkFile(report: Report, result: HttpGetResult, file: FileOptions): Promise<void> {
  const expected = await contentHash(file.seed, file.bytes);
  report.check(
    `${formatCount(result.bytes)} bytes arrived in ${formatDuration(result.ms)}, ` +
      `SHA-256 ${(result.sha256 ?? "").slice(0, 16)}… as it left the server`,
    result.ok && result.sha256 === expected,
    `${formatCount(result.bytes)} of ${formatCount(file.bytes)} bytes, SHA-256 ${result.sha256}, ` +
      `expected ${expected}`,
  );
}
