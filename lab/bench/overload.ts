import type { BypathLab } from "../bypath_lab.ts";
import type { InspectedServer } from "../inspect_json.ts";
import type { Bench, TurnOptions } from "./bench.ts";
import { LOAD, load, startLoadPeer } from "./loads/datagrams.ts";
import { routeSessionClients, sendSessions, startGapRun } from "./loads/sessions.ts";
import { type OpenRoad, subjectsOf } from "./road.ts";
import { ROADS } from "./roads/all.ts";

const TIMES = 2;
/** Of what was to be offered the senders reach at least so much, else they say so. */
const OFFERED_SHARE = 0.9;
const NEW_SESSIONS_A_SECOND = 500;
const LOOK_EVERY_MS = 100;
/** What is offered to find the best: from here on, in steps, until so little arrives. */
const FIRST_RATE = 60_000;
const STEP = 1.4;
const LOST_SHARE = 0.9;

const BEST = "the best: most packets a second carried";
const OFFERED = "offered, times the best";
const CARRIED = "carried of the best";
const ESTABLISHED = "requests answered of an established session";
const NEW = "new sessions that the server saw";
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
    { name: CONTROL, unit: "ms", better: "less" },
    { name: WELL, unit: "share", better: "more" },
  ],
  aims: ["bypath-nat", "bypath-bypass"].flatMap((subject) => [
    { quantity: CARRIED, subject, atLeast: 0.9 },
    { quantity: WELL, subject, atLeast: 1 },
  ]),
  notes: [
    "two senders, to the server; on the way one session of a request a millisecond, and " +
    `${NEW_SESSIONS_A_SECOND} new sessions a second`,
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
  const { seconds, note } = turn;
  const best = await mostCarried(lab, host);
  await using watch = name.startsWith("bypath") ? new Watch(lab) : null;
  const session = await startGapRun(lab, { host, forMs: seconds * 1000 + 500 });
  const count = NEW_SESSIONS_A_SECOND * seconds;
  const fresh = { host, clients: count, count, rate: NEW_SESSIONS_A_SECOND };
  const [loaded, made] = await Promise.all([
    offer(lab, { host, rate: best * TIMES, seconds }),
    sendSessions(lab, fresh),
  ]);
  const gap = await session.result();
  const looks = await watch?.end();
  if (loaded.offered < best * TIMES * OFFERED_SHARE) {
    note(`${name}: two senders together could not offer ${TIMES} times the best`);
  }
  return {
    [BEST]: [best],
    [OFFERED]: [loaded.offered / best],
    [CARRIED]: [loaded.carried / best],
    [ESTABLISHED]: [gap.answered / gap.sent],
    [NEW]: [made.received / made.sent],
    ...(looks && { [CONTROL]: [looks.longestMs], [WELL]: [looks.wellShare] }),
  };
}

interface Loaded {
  /** Packets a second that the senders sent, and that arrived. */
  readonly offered: number;
  readonly carried: number;
}

/** Two senders at once, to the server. */
async function offer(lab: BypathLab, { host, rate, seconds }: {
  readonly host: string;
  readonly rate: number;
  readonly seconds: number;
}): Promise<Loaded> {
  const half = { host, direction: "to-server", rate: rate / 2, seconds } as const;
  const loads = await Promise.all([load(lab, half), load(lab, half)]);
  const offered = loads.reduce((sum, each) => sum + each.sentPerSecond, 0);
  const share = loads.reduce((sum, each) => sum + each.received, 0) /
    loads.reduce((sum, each) => sum + each.sent, 0);
  return { offered, carried: offered * share };
}

/** Offers more and more until a good part is lost or the senders are at their limit. */
async function mostCarried(lab: BypathLab, host: string): Promise<number> {
  let most = 0;
  for (let rate = FIRST_RATE;; rate *= STEP) {
    const { offered, carried } = await offer(lab, { host, rate, seconds: 1 });
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
