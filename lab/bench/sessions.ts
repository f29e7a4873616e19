import type { BypathLab } from "../bypath_lab.ts";
import type { InspectedStatus } from "../inspect_json.ts";
import { ADDRESSES } from "../topology.ts";
import { waitFor } from "../wait.ts";
import type { Bench, BenchSubject, TurnOptions } from "./bench.ts";
import { LOAD, startLoadPeer } from "./loads/datagrams.ts";
import { routeSessionClients, sendSessions, startGapRun } from "./loads/sessions.ts";
import { processMemory } from "./meters/memory.ts";
import { processSeconds } from "./meters/process_time.ts";
import { forgetTable } from "./roads/bypath.ts";

const COUNTS = [10_000, 100_000, 1_000_000] as const;
const CAPACITY = 1_048_576;
/** A session is one datagram and its answer. */
const FILL_RATE = 40_000;
/** Datagrams of sessions that exist already, to see what looking one up costs. */
const LOOKUP_RATE = 20_000;
/** What a datagram that was lost on the way is sent again for. */
const FILL_ROUNDS = 5;
/** A pass of which the server got this share had few answers that were lost. */
const MOSTLY = 0.95;
const GAP_RUN_MS = 8_000;

const RESIDENT = "resident memory of the process";
const PROPORTIONAL = "proportional memory of the process";
const TABLE = "session table, for each session it has room for";
const ADDED = "memory added for each session";
const SET_UP = "sessions set up a second";
const LOOKUP = "CPU time of the process for a packet of any session";
const RESTART = "from the new process to the first packet forwarded";
const TURN = "longest time between two looks at packets that waited, all sessions set up and used";
const TURN_CPU = "most CPU time of its packet thread between two such looks";
const OUTAGE = "an established session's longest time without an answer, restart";

const nameOf = (count: number) => `${count.toLocaleString("en")} sessions`;
const [few, , many] = COUNTS;

/** What a NAT machine with so many sessions needs: memory, time for a packet, time for a restart. */
export const sessions: Bench = {
  name: "sessions",
  description: "memory, set-up, lookup and restart with 10,000 to 1,000,000 sessions",
  needs: ["ethtool"],
  rounds: 2,
  seconds: 2,
  quantities: [
    { name: RESIDENT, unit: "B", better: "less" },
    { name: PROPORTIONAL, unit: "B", better: "less" },
    { name: TABLE, unit: "B", better: "less" },
    { name: ADDED, unit: "B", better: "less" },
    { name: SET_UP, unit: "1/s", better: "more" },
    { name: LOOKUP, unit: "µs", better: "less" },
    { name: TURN, unit: "ms", better: "less" },
    { name: TURN_CPU, unit: "ms", better: "less" },
    { name: RESTART, unit: "ms", better: "less" },
    { name: OUTAGE, unit: "ms", better: "less" },
  ],
  aims: [
    { quantity: TABLE, subject: nameOf(many), atMost: 160 },
    { quantity: PROPORTIONAL, subject: nameOf(many), atMost: 256 * 2 ** 20 },
    { quantity: LOOKUP, subject: nameOf(many), of: nameOf(few), atMost: 1.5 },
    { quantity: TURN, subject: nameOf(few), atMost: 5 },
    { quantity: TURN, subject: nameOf(many), atMost: 5 },
    { quantity: TURN_CPU, subject: nameOf(few), atMost: 5 },
    { quantity: TURN_CPU, subject: nameOf(many), atMost: 5 },
    { quantity: RESTART, subject: nameOf(many), atMost: 1000 },
  ],
  notes: [
    `room for ${
      CAPACITY.toLocaleString("en")
    } sessions throughout; UDP, answered, by way of the NAT machine`,
    "memory added: resident memory with the sessions less that before the first, for each of them",
    `set up at ${FILL_RATE.toLocaleString("en")} a second at most: that rate is the sender's`,
    "what lies between the two times of a look is others': all machines share this one's processors",
    "the table is a file below /run: where that is no tmpfs, the first write to a page has taken 20 ms",
    "a restart is SIGTERM, the end of the process, and a new one with the table that is kept",
  ],
  async prepare(lab) {
    await startLoadPeer(lab);
    await routeSessionClients(lab);
  },
  subjects: COUNTS.map((count): BenchSubject => ({
    name: nameOf(count),
    measure: (lab, options) => measure(lab, count, options),
  })),
};

async function measure(lab: BypathLab, count: number, { seconds }: TurnOptions) {
  await startNat(lab);
  try {
    const emptyBytes = processMemory(lab.nat.pid).residentBytes;
    const setUp = await fill(lab, count);
    const memory = processMemory(lab.nat.pid);
    const table = await Deno.stat(`${lab.folder}/nat.sessions`);
    const lookup = await lookupSeconds(lab, count, seconds);
    const { worker } = await lab.status();
    const restart = await measureRestart(lab);
    return {
      [RESIDENT]: [memory.residentBytes],
      [PROPORTIONAL]: [memory.proportionalBytes],
      [TABLE]: [table.size / CAPACITY],
      [ADDED]: [(memory.residentBytes - emptyBytes) / count],
      [SET_UP]: [setUp],
      [LOOKUP]: [lookup * 1e6],
      [TURN]: [worker.longestTurnMs],
      [TURN_CPU]: [worker.longestTurnCpuMs],
      [RESTART]: [restart.forwardedMs],
      [OUTAGE]: [restart.outageMs],
    };
  } finally {
    await lab.stopDaemons();
    await forgetTable(lab);
  }
}

async function startNat(lab: BypathLab): Promise<void> {
  await lab.startNat((config) => {
    config.capacity = CAPACITY;
    config.snat.addresses = ["10.0.1.1-10.0.1.64"];
    config.timeouts = { udpOpening: "1h", udp: "1h" };
    config.services = [{
      name: LOAD.name,
      vip: ADDRESSES.vip,
      protocol: "udp",
      port: LOAD.port,
      servers: [{ address: ADDRESSES.s1, port: LOAD.port }],
      bypass: { start: { never: true } },
    }];
  });
}

/** Sets up the sessions; returns how many a second the first pass made. */
async function fill(lab: BypathLab, count: number): Promise<number> {
  const host = ADDRESSES.vip;
  const pass = (rate: number) => sendSessions(lab, { host, clients: count, count, rate });
  const first = await pass(FILL_RATE);
  const made = await sessionsOf(lab);
  let last = first;
  // What was lost on the way is sent again, slower: only a share of the table is for sessions that were
  // never answered, and when it is full no other begins.
  for (let round = 2; round <= FILL_ROUNDS; round++) {
    if (last.received >= count * MOSTLY && await sessionsOf(lab) >= count) break;
    last = await pass(FILL_RATE / round);
  }
  await waitFor(`${count} sessions`, async () => await sessionsOf(lab) >= count);
  return Math.min(made, count) / first.ms * 1000;
}

async function sessionsOf(lab: BypathLab): Promise<number> {
  return (await lab.ask<InspectedStatus>("status")).sessions.total;
}

/** CPU seconds of the process for a packet, request or answer, of sessions in any order. */
async function lookupSeconds(lab: BypathLab, clients: number, seconds: number): Promise<number> {
  const before = await workOf(lab);
  await sendSessions(lab, {
    host: ADDRESSES.vip,
    clients,
    count: LOOKUP_RATE * seconds,
    rate: LOOKUP_RATE,
    scattered: true,
  });
  const after = await workOf(lab);
  return (after.seconds - before.seconds) / (after.packets - before.packets);
}

async function workOf(lab: BypathLab): Promise<{ seconds: number; packets: number }> {
  const { packets } = await lab.ask<InspectedStatus>("status");
  return { seconds: processSeconds(lab.nat.pid), packets: packets.forwarded };
}

async function measureRestart(
  lab: BypathLab,
): Promise<{ forwardedMs: number; outageMs: number }> {
  const session = await startGapRun(lab, { host: ADDRESSES.vip, forMs: GAP_RUN_MS });
  await lab.stopNat();
  const startedMs = Date.now();
  await lab.restartNat();
  const { untilMs, ms } = await session.result();
  return { forwardedMs: untilMs - startedMs, outageMs: ms };
}
