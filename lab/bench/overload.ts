import type { BypathLab } from "../bypath_lab.ts";
import { ADDRESSES } from "../topology.ts";
import type { SessionRunResult } from "../traffic/session_run.ts";
import type { Bench, Quantity, TurnOptions } from "./bench.ts";
import { CountedLoad } from "./loads/counted_load.ts";
import { BESIDE, LOAD, startLoadPeer } from "./loads/datagrams.ts";
import { startFlood } from "./loads/flood.ts";
import { routeSessionClients, sendSessions, startGapRun } from "./loads/sessions.ts";
import { NatWatch } from "./meters/nat_watch.ts";
import { NAT_CPU, OwnCpu } from "./own_cpu.ts";
import { type OpenRoad, subjectsOf } from "./road.ts";
import { direct } from "./roads/direct.ts";
import { ROADS, UNSHIELDED } from "./roads/all.ts";
import { REFERENCE_NOTE, referenceRoads } from "./roads/reference.ts";

const TIMES = 2;
/** What is offered, times the best. */
const LOADS = [0.5, 0.9, 1.5, TIMES, 3] as const;
/** What is offered before and after each of those: a little more than is carried. */
const FULL = 1.1;
/** Where so much of that arrives it is not full yet. */
const FULL_SHARE = 0.97;
const MOST_RAISES = 4;
/** Of what was to be offered the senders reach at least so much, else they say so. */
const OFFERED_SHARE = 0.9;
const NEW_SESSIONS_A_SECOND = 500;
/** What is offered to find the best: from here on, in steps, until so little arrives. */
const FIRST_RATE = 80_000;
const STEP = 1.5;
const LOST_SHARE = 0.9;
/** What becomes of others is looked at for so many times longer. */
const OTHERS_TIMES = 3;
/** From when programs have been started until they begin together. */
const READY_MS = 1_500;
/** Unanswered sessions of UDP have a quarter of the table, which is not to be the limit. */
const MOST_NEW_SESSIONS = 250_000;

const BEST = "the best: packets a second carried when a little more is offered";
const OFFERED = "most that was offered, times the best";
const carriedAt = (times: number) => `carried of the best, offered ${times} times the best`;
const ESTABLISHED = "requests answered of an established session";
const NEW = "new sessions that the server saw";
const LOST = "lost in the NAT machine's packet sockets, of those offered";
const FLOOD_OFFERED = "a flood of new sessions: offered, times the best";
const FLOOD_CARRIED = "a flood of new sessions: begun, of the best";
const FLOOD_ESTABLISHED = "a flood of new sessions: requests answered of an established one";
const FLOOD_GAP = "a flood of new sessions: an established one's longest time without an answer";
const CONTROL = "longest answer of the NAT machine's control socket";
const WELL = "looks that found agent and server well";

/** What becomes of a road that gets more than it can carry. */
export const overload: Bench = {
  name: "overload",
  description: "offered more than can be carried: what is still carried, and who suffers",
  needs: ["ethtool", "taskset"],
  rounds: 3,
  seconds: 1,
  quantities: [
    { name: BEST, unit: "1/s", better: "more" },
    { name: OFFERED, unit: "ratio", better: "more" },
    ...LOADS.map((times): Quantity => ({
      name: carriedAt(times),
      unit: "share",
      better: "more",
    })),
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
    { quantity: carriedAt(TIMES), subject, atLeast: 0.9 },
    { quantity: FLOOD_ESTABLISHED, subject, atLeast: 0.99 },
    { quantity: WELL, subject, atLeast: 1 },
  ]),
  notes: [
    `the NAT machine has CPU ${NAT_CPU} to itself and receives there (receive packet steering); ` +
    "sender, server and all others have the rest: what is offered takes nothing of its CPU but what it receives",
    "the load is small datagrams of sessions that exist, sent by the router, next to the NAT machine; " +
    "the kernels of router and server count it while it goes on, when it has filled the queues",
    "the best is measured before and after each other load, and that is compared with the better of both",
    `established and new sessions, of another port, at ${TIMES} times the best: one session of a ` +
    `request a millisecond, and ${NEW_SESSIONS_A_SECOND} new sessions a second`,
    "a flood is two senders, each datagram of a client of its own, without an answer",
    `${REFERENCE_NOTE}; it knows one client, so that nothing is looked at beside its load`,
    "on the direct road the sender does all the work itself and cannot offer more than is carried",
  ],
  async prepare(lab) {
    await startLoadPeer(lab);
    await startLoadPeer(lab, BESIDE);
    await routeSessionClients(lab);
  },
  subjects: subjectsOf(
    [
      ...ROADS.filter(({ name }) =>
        ["direct", "nft", "bypath-nat", "bypath-bypass"].includes(name)
      ),
      ...UNSHIELDED,
      ...referenceRoads(ADDRESSES.router),
    ],
    [LOAD, BESIDE],
    measure,
  ),
};

async function measure(lab: BypathLab, { host }: OpenRoad, turn: TurnOptions, name: string) {
  await using _ = await OwnCpu.give(lab, { steered: ["nat"] });
  const device = name === direct.name ? "eth2" : "eth1";
  const load = new CountedLoad(lab, { host, device, seconds: turn.seconds });
  const isOurs = name.startsWith("bypath");
  const roughly = await mostCarried(load);
  await using watch = isOurs ? new NatWatch(lab) : null;
  const { best, mostOffered, shares } = await loads(load, roughly);
  if (mostOffered < best * TIMES * OFFERED_SHARE) {
    turn.note(`${name}: the senders are the limit, they could not offer ${TIMES} times the best`);
  }
  const isForOne = name.startsWith("reference");
  const beside = isForOne ? {} : await others(lab, host, best, load, isOurs);
  const flooded = isOurs ? await flood(lab, host, best, turn) : {};
  const looks = await watch?.end();
  return {
    [BEST]: [best],
    [OFFERED]: [mostOffered / best],
    ...shares,
    ...beside,
    ...flooded,
    ...(looks && { [CONTROL]: [looks.longestMs], [WELL]: [looks.wellShare] }),
  };
}

/** Offers more and more until a good part is lost or the sender is at its limit. */
async function mostCarried(load: CountedLoad): Promise<number> {
  let most = 0;
  for (let rate = FIRST_RATE;; rate *= STEP) {
    const { offered, carried } = await load.offer(rate);
    most = Math.max(most, carried);
    if (carried < offered * LOST_SHARE || offered < rate * OFFERED_SHARE) return most;
  }
}

/** Each of the loads, between two of the best. */
async function loads(load: CountedLoad, roughly: number) {
  let full = await load.offer(roughly * FULL);
  for (let i = 0; i < MOST_RAISES; i++) {
    const isFull = full.carried < full.offered * FULL_SHARE ||
      full.offered < roughly * FULL * OFFERED_SHARE;
    roughly = Math.max(roughly, full.carried);
    if (isFull) break;
    full = await load.offer(roughly * FULL);
  }
  const bests = [full.carried];
  let mostOffered = 0;
  const shares: Record<string, readonly number[]> = {};
  for (const times of LOADS) {
    const { offered, carried } = await load.offer(roughly * times);
    mostOffered = Math.max(mostOffered, offered);
    bests.push((await load.offer(roughly * FULL)).carried);
    shares[carriedAt(times)] = [carried / Math.max(...bests.slice(-2))];
  }
  return { best: bests.reduce((sum, each) => sum + each, 0) / bests.length, mostOffered, shares };
}

/** What becomes of others while sessions that exist want more than is carried. */
async function others(
  lab: BypathLab,
  host: string,
  best: number,
  load: CountedLoad,
  isOurs: boolean,
) {
  const seconds = load.seconds * OTHERS_TIMES;
  const before = isOurs ? await lostInSockets(lab) : 0;
  const session = await startMeasured(lab, host, seconds);
  const count = NEW_SESSIONS_A_SECOND * seconds;
  const at = Date.now() + READY_MS;
  const [{ sent: all }, made] = await Promise.all([
    load.offer(best * TIMES, { at, seconds }),
    sendSessions(lab, {
      ...{ host, port: BESIDE.port, clients: count, count, rate: NEW_SESSIONS_A_SECOND, at },
      mostMs: seconds * 1000,
    }),
  ]);
  const { answered, sent } = await session.result();
  const lost = isOurs ? await lostInSockets(lab) - before : 0;
  return {
    [ESTABLISHED]: [answered / sent],
    [NEW]: [made.received / made.sent],
    ...(isOurs && { [LOST]: [lost / all] }),
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
  return startGapRun(lab, {
    ...{ host, port: BESIDE.port, forMs: READY_MS + seconds * 1000, delayMs: READY_MS },
  });
}
