import type { BypathLab } from "../bypath_lab.ts";
import type { InspectedServer } from "../inspect_json.ts";
import type { Bench, TurnOptions } from "./bench.ts";
import { LOAD, load, startLoadPeer } from "./loads/datagrams.ts";
import { startFlood } from "./loads/flood.ts";
import { routeSessionClients, sendSessions, startGapRun } from "./loads/sessions.ts";
import type { SessionRunResult } from "../traffic/session_run.ts";
import { type OpenRoad, subjectsOf } from "./road.ts";
import { ROADS } from "./roads/all.ts";

const TIMES = 2;
const FEW_SENDERS = 2;
const MANY_SENDERS = 4;
/** Of what was to be offered the senders reach at least so much, else they say so. */
const OFFERED_SHARE = 0.9;
const NEW_SESSIONS_A_SECOND = 500;
const LOOK_EVERY_MS = 100;
/** What is offered to find the best: from here on, in steps, until so little arrives. */
const FIRST_RATE = 60_000;
const STEP = 1.4;
const LOST_SHARE = 0.9;
/** From when all programs have been started until they begin together. */
const READY_MS = 1_500;
/** Unanswered sessions of UDP have a quarter of the table, which is not to be the limit. */
const MOST_NEW_SESSIONS = 250_000;

const BEST = "the best: most packets a second carried";
const OFFERED = "offered, times the best";
const CARRIED = "carried of the best";
const ESTABLISHED = "requests answered of an established session";
const NEW = "new sessions that the server saw";
const LOST = "lost in the NAT machine's packet sockets, of those offered";
const FLOOD_OFFERED = "a flood of new sessions: offered, times the best";
const FLOOD_CARRIED = "a flood of new sessions: begun, of the best";
const FLOOD_ESTABLISHED = "a flood of new sessions: requests answered of an established one";
const FLOOD_GAP = "a flood of new sessions: an established one's longest time without an answer";
const CONTROL = "longest answer of the NAT machine's control socket";
const WELL = "looks that found agent and server well";

/** What becomes of a road that gets twice what it can carry. */
export const overload: Bench = {
  name: "overload",
  description: `offered ${TIMES} times the best: what is still carried, and who suffers`,
  needs: ["ethtool"],
  rounds: 3,
  seconds: 3,
  quantities: [
    { name: BEST, unit: "1/s", better: "more" },
    { name: OFFERED, unit: "ratio", better: "more" },
    { name: CARRIED, unit: "share", better: "more" },
    { name: ESTABLISHED, unit: "share", better: "more" },
    { name: NEW, unit: "share", better: "more" },
    { name: LOST, unit: "share", better: "less" },
    { name: FLOOD_OFFERED, unit: "ratio", better: "more" },
    { name: FLOOD_CARRIED, unit: "share", better: "more" },
    { name: FLOOD_ESTABLISHED, unit: "share", better: "more" },
    { name: FLOOD_GAP, unit: "ms", better: "less" },
    { name: CONTROL, unit: "ms", better: "less" },
    { name: WELL, unit: "share", better: "more" },
  ],
  aims: ["bypath-nat", "bypath-bypass"].flatMap((subject) => [
    { quantity: CARRIED, subject, atLeast: 0.9 },
    { quantity: FLOOD_ESTABLISHED, subject, atLeast: 0.99 },
    { quantity: WELL, subject, atLeast: 1 },
  ]),
  notes: [
    "two senders, to the server, four where two offer too little; on the way one session of a " +
    `request a millisecond, and ${NEW_SESSIONS_A_SECOND} new sessions a second`,
    "a flood is two senders, each datagram of a client of its own, without an answer",
    "the kernel's NAT slows the senders that it runs in: they cannot offer it more than it carries",
  ],
  async prepare(lab) {
    await startLoadPeer(lab);
    await routeSessionClients(lab);
  },
  subjects: subjectsOf(
    ROADS.filter(({ name }) => ["direct", "nft", "bypath-nat", "bypath-bypass"].includes(name)),
    [LOAD],
    measure,
  ),
};

async function measure(lab: BypathLab, { host }: OpenRoad, turn: TurnOptions, name: string) {
  const best = await mostCarried(lab, host);
  const isOurs = name.startsWith("bypath");
  await using watch = isOurs ? new Watch(lab) : null;
  const overloaded = await offerTooMuch(lab, host, best, turn, name);
  const flooded = isOurs ? await flood(lab, host, best, turn) : {};
  const looks = await watch?.end();
  return {
    [BEST]: [best],
    ...overloaded,
    ...flooded,
    ...(looks && { [CONTROL]: [looks.longestMs], [WELL]: [looks.wellShare] }),
  };
}

/** Sessions that exist want more than is carried. */
async function offerTooMuch(
  lab: BypathLab,
  host: string,
  best: number,
  { seconds, note }: TurnOptions,
  name: string,
) {
  const isOurs = name.startsWith("bypath");
  const before = isOurs ? await lostInSockets(lab) : 0;
  const session = await startMeasured(lab, host, seconds);
  const count = NEW_SESSIONS_A_SECOND * seconds;
  const at = Date.now() + READY_MS;
  const [loaded, made] = await Promise.all([
    offer(lab, { host, rate: best * TIMES, seconds, at, senders: FEW_SENDERS }),
    sendSessions(lab, {
      host,
      clients: count,
      count,
      rate: NEW_SESSIONS_A_SECOND,
      at,
      mostMs: seconds * 1000,
    }),
  ]);
  const { answered, sent } = await session.result();
  const lost = !isOurs ? 0 : (await lostInSockets(lab) - before) / (loaded.offered * seconds);
  let most = loaded;
  if (loaded.offered < best * TIMES * OFFERED_SHARE) {
    const more = await offer(lab, { host, rate: best * TIMES, seconds, senders: MANY_SENDERS });
    if (more.offered > most.offered) most = more;
  }
  if (most.offered < best * TIMES * OFFERED_SHARE) {
    note(`${name}: the senders are the limit, they could not offer ${TIMES} times the best`);
  }
  return {
    [OFFERED]: [most.offered / best],
    [CARRIED]: [most.carried / best],
    [ESTABLISHED]: [answered / sent],
    [NEW]: [made.received / made.sent],
    ...(isOurs && { [LOST]: [lost] }),
  };
}

/** New sessions and nothing else, next to one that exists. */
async function flood(lab: BypathLab, host: string, best: number, { seconds }: TurnOptions) {
  const rate = best * TIMES;
  const count = Math.min(rate * seconds, MOST_NEW_SESSIONS);
  const session = await startMeasured(lab, host, seconds);
  const at = Date.now() + READY_MS;
  const flood = await startFlood(lab, { host, count, rate, at, mostMs: seconds * 1000 });
  const [results, gap] = await Promise.all([flood.results(), session.result()]);
  const sum = (of: (each: SessionRunResult) => number) =>
    results.reduce((all, each) => all + of(each), 0);
  return {
    [FLOOD_OFFERED]: [sum(({ sent, ms }) => sent / ms * 1000) / best],
    [FLOOD_CARRIED]: [sum(({ received, ms }) => received / ms * 1000) / best],
    [FLOOD_ESTABLISHED]: [gap.answered / gap.sent],
    [FLOOD_GAP]: [gap.ms],
  };
}

/** What the kernel has dropped because the NAT machine did not take it: it is asked once a second. */
async function lostInSockets(lab: BypathLab): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  return (await lab.status()).worker.socketDrops;
}

/** A session that exists, looked at while what begins after READY_MS lasts. */
function startMeasured(lab: BypathLab, host: string, seconds: number) {
  return startGapRun(lab, { host, forMs: READY_MS + seconds * 1000, delayMs: READY_MS });
}

interface Loaded {
  /** Packets a second that the senders sent, and that arrived. */
  readonly offered: number;
  readonly carried: number;
}

/** Several senders at once, to the server. */
async function offer(lab: BypathLab, { host, rate, seconds, senders, at = 0 }: {
  readonly host: string;
  readonly rate: number;
  readonly seconds: number;
  readonly senders: number;
  readonly at?: number;
}): Promise<Loaded> {
  const each = { host, direction: "to-server", rate: rate / senders, seconds, at } as const;
  const loads = await Promise.all(Array.from({ length: senders }, () => load(lab, each)));
  const offered = loads.reduce((sum, each) => sum + each.sentPerSecond, 0);
  const share = loads.reduce((sum, each) => sum + each.received, 0) /
    loads.reduce((sum, each) => sum + each.sent, 0);
  return { offered, carried: offered * share };
}

/** Offers more and more until a good part is lost or the senders are at their limit. */
async function mostCarried(lab: BypathLab, host: string): Promise<number> {
  let most = 0;
  for (let rate = FIRST_RATE;; rate *= STEP) {
    const { offered, carried } = await offer(lab, { host, rate, seconds: 1, senders: FEW_SENDERS });
    most = Math.max(most, carried);
    if (carried < offered * LOST_SHARE || offered < rate * OFFERED_SHARE) return most;
  }
}

/** Looks at a NAT machine again and again, until it is disposed of. */
class Watch implements AsyncDisposable {
  readonly #looking: Promise<void>;
  #over = false;
  #looks = 0;
  #well = 0;
  #longestMs = 0;

  constructor(lab: BypathLab) {
    this.#looking = this.#look(lab);
  }

  async end(): Promise<{ longestMs: number; wellShare: number }> {
    this.#over = true;
    await this.#looking;
    return { longestMs: this.#longestMs, wellShare: this.#well / this.#looks };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  async #look(lab: BypathLab): Promise<void> {
    const hasAgent = lab.isRunning("s1");
    while (!this.#over) {
      const asked = performance.now();
      const servers = await lab.ask<InspectedServer[]>("servers").catch(() => []);
      this.#longestMs = Math.max(this.#longestMs, performance.now() - asked);
      this.#looks++;
      const isWell = servers.length > 0 &&
        servers.every(({ health, agent }) =>
          health !== "down" && (!hasAgent || (agent.connected && agent.bypass === "able"))
        );
      if (isWell) this.#well++;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }
}
