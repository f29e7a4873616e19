import type { Random } from "../support/random.ts";
import { LEASE_MS } from "./settings.ts";
import type { World } from "./world.ts";

/** One step of a script; the number chooses among what is possible. */
export type Step = readonly [action: Action, choice: number];

type Does = (world: World, at: number, choice: number) => void;

/** What a step can do, how often it is wanted, and how. `at`: one of the two agents. */
const ACTIONS = {
  client: [30, (world, _, choice) => world.clientSends(choice)],
  rush: [1.5, (world, _, choice) => world.rush(choice)],
  server: [30, (world, _, choice) => world.serverSends(choice)],
  "arrive at NAT": [35, (world, _, choice) => world.arriveAtNat(choice)],
  "arrive at server": [25, (world, _, choice) => world.arriveAtServer(choice)],
  "arrive at client": [15, (world, _, choice) => world.arriveAtClient(choice)],
  "lose packet": [1, (world, _, choice) => world.losePacket(choice)],
  "double packet": [2, (world, _, choice) => world.doublePacket(choice)],
  "agent works": [30, (world, at, choice) => world.agentWorks(at, choice)],
  "agent drains": [15, (world, at) => world.agentDrains(at)],
  "agent ticks": [8, (world, at) => world.agentTicks(at)],
  "agent reports": [12, (world, at) => world.agentReports(at)],
  "NAT maintains": [10, (world) => world.natMaintains()],
  "NAT drains": [15, (world, _, choice) => world.natDrains(1 + choice % 4)],
  "NAT ticks": [8, (world) => world.natTicks()],
  "message to NAT": [20, (world, at, choice) => world.toNatMessage(at, choice)],
  "message to agent": [20, (world, at, choice) => world.toAgentMessage(at, choice)],
  "lose message": [0.5, (world, at, choice) => world.spoilMessage(at, choice, "lose")],
  "double message": [2, (world, at, choice) => world.spoilMessage(at, choice, "double")],
  flow: [25, (world, _, choice) => world.flow(1 + choice % 4)],
  time: [30, (world, _, choice) => world.timeMs += choice % 120],
  pause: [1.5, (world, _, choice) => world.timeMs += choice % (2 * LEASE_MS)],
  "pass lease": [1.5, (world, _, choice) => world.passLease(choice)],
  "pass quarantine": [2, (world, _, choice) => world.passQuarantine(choice)],
  "late grant": [0.3, (world, at, choice) => world.lateGrant(at, choice)],
  connect: [10, (world, at) => world.connect(at)],
  cut: [1, (world, at) => world.cut(at)],
  notice: [8, (world, at, choice) => world.notice(at, choice)],
  "bypass stop": [0.5, (world, _, choice) => world.bypassStop(choice)],
  "bypass start": [1, (world) => world.bypassStart()],
  drain: [0.3, (world, _, choice) => world.drainServer(choice)],
  undrain: [0.6, (world, _, choice) => world.undrainServer(choice)],
  reload: [0.5, (world, _, choice) => world.reload(choice)],
  unable: [0.3, (world, at) => world.agentAble(at, false)],
  able: [1, (world, at) => world.agentAble(at, true)],
  "freeze agent": [0.7, (world, at) => world.freezeAgent(at)],
  "thaw agent": [3, (world, at) => world.thawAgent(at)],
  watchdog: [2, (world, at) => world.watchdog(at)],
  "freeze NAT": [0.3, (world) => world.freezeNat()],
  "thaw NAT": [3, (world) => world.thawNat()],
  "kill agent": [0.4, (world, at) => world.killAgent(at)],
  "start agent": [4, (world, at) => world.startAgent(at)],
  "kill NAT": [0.3, (world) => world.killNat()],
  "doom NAT": [
    0.5,
    (world, _, choice) =>
      world.doomNat(choice % 2 === 0 ? (choice >>> 1) % 12 : (choice >>> 1) % 90),
  ],
  "start NAT": [6, (world) => world.startNat()],
  "lose table": [0.1, (world) => world.loseTable()],
} satisfies Record<string, readonly [number, Does]>;

type Action = keyof typeof ACTIONS;

/** How many times more often than usual a step is wanted. */
export type Bias = Readonly<Partial<Record<Action, number>>>;

function wanted(bias: Bias): Action[] {
  return (Object.keys(ACTIONS) as Action[]).flatMap((action) => {
    const weight = ACTIONS[action][0] * (bias[action] ?? 1);
    return Array<Action>(Math.round(10 * weight)).fill(action);
  });
}

/** A script of so many steps. */
export function makeScript(random: Random, length: number, bias: Bias = {}): Step[] {
  const actions = wanted(bias);
  return Array.from({ length }, () => [random.pick(actions), random.below(2 ** 30)] as const);
}

/** Plays a script, and lets the world come to rest. @throws what the world found */
export function play(world: World, script: readonly Step[]): void {
  for (const [action, choice] of script) {
    const does: Does = ACTIONS[action][1];
    does(world, choice & 1, choice >>> 1);
    world.check();
  }
  world.settle();
}

/**
 * A shorter script that fails as well, after so many tries at most: leaves out larger and smaller
 * pieces for as long as that goes (delta debugging; Zeller, 1999).
 */
export function shrink(
  script: readonly Step[],
  fails: (shorter: readonly Step[]) => boolean,
  tries: number,
): readonly Step[] {
  let best = script;
  for (let piece = Math.ceil(best.length / 2); piece >= 1 && tries > 0;) {
    let isShorter = false;
    for (let at = 0; at < best.length && tries > 0; tries--) {
      const shorter = [...best.slice(0, at), ...best.slice(at + piece)];
      if (fails(shorter)) {
        best = shorter;
        isShorter = true;
      } else at += piece;
    }
    if (piece === 1 && !isShorter) break;
    piece = piece === 1 ? 1 : Math.ceil(piece / 2);
  }
  return best;
}
