import type { BypathLab } from "../bypath_lab.ts";
import type { Bench, Quantity, TurnOptions } from "./bench.ts";
import { type Direction, LOAD, load, startLoadPeer } from "./loads/datagrams.ts";
import { MachineTime } from "./meters/machine_time.ts";
import { programSeconds } from "./meters/process_time.ts";
import { searchRate } from "./rate_search.ts";
import { type OpenRoad, type RoadProcess, subjectsOf } from "./road.ts";
import { ROADS, WORKERS } from "./roads/all.ts";

const TOLERANCE = 0.001;
const FIRST_RATE = 40_000;
const HALVINGS = 3;
/** Each road carries that: what a packet costs is compared at one rate. */
const COST_RATE = 40_000;
/** The search offers a rate for so long: its steps are many. */
const SEARCH_SECONDS = 1;

const DIRECTIONS: readonly (readonly [Direction, string])[] = [
  ["to-server", "to the server"],
  ["to-client", "to the client"],
];
const rateName = (way: string) => `packets a second without loss, ${way}`;
const CUT = "packets a second without loss, to the client, cut before the agent";
/** The agent's tun device, as it is called when it is the first. */
const TUN = "bypath0";
const costName = (of: string, way: string) => `CPU time of ${of} for a packet, ${way}`;
const COSTS: Readonly<Record<RoadProcess["machine"], string>> = {
  nat: "the NAT machine's process",
  server: "the agent",
};

/** The smallest packets there are: each costs the same work as a large one. */
export const smallPackets: Bench = {
  name: "small-packets",
  description: "small UDP packets a second without loss each way, and the CPU time of each",
  needs: ["ethtool", "taskset", "chrt"],
  rounds: 3,
  seconds: 2,
  quantities: [
    ...DIRECTIONS.flatMap(([, way]): Quantity[] => [
      { name: rateName(way), unit: "1/s", better: "more" },
      { name: costName("the whole machine", way), unit: "µs", better: "less" },
      ...Object.values(COSTS).map((of): Quantity => ({
        name: costName(of, way),
        unit: "µs",
        better: "less",
      })),
    ]),
    { name: CUT, unit: "1/s", better: "more" },
  ],
  aims: DIRECTIONS.map(([, way]) => ({
    quantity: rateName(way),
    subject: "bypath-nat",
    of: "nft",
    atLeast: 1.5,
  })),
  notes: [
    `frames of 60 bytes; without loss: less than ${TOLERANCE * 100} % lost in ${SEARCH_SECONDS} s`,
    `CPU time at ${COST_RATE} packets a second on every road; the whole machine's includes sender and receiver`,
    "senders hand 64 datagrams at a time to the kernel (UDP_SEGMENT), which cuts them at the first " +
    "wire; before that the agent changes them together, except where they are cut before it",
    "the kernel's part of the way runs on the sender's CPU; a NAT program has another one meanwhile",
  ],
  prepare: startLoadPeer,
  subjects: subjectsOf([...ROADS, ...WORKERS], [LOAD], async (lab, road, options, name) => {
    const samples: Record<string, readonly number[]> = {};
    for (const [direction, way] of DIRECTIONS) {
      const turn = { lab, road, direction, way, name, ...options };
      samples[rateName(way)] = [await highestRate(turn)];
      Object.assign(samples, await costs(turn));
      const hasAgent = road.processes.some(({ machine }) => machine === "server");
      if (direction !== "to-client" || !hasAgent) continue;
      await lab.lab.mustRun("s1", ["ethtool", "-K", TUN, "tx-udp-segmentation", "off"]);
      samples[CUT] = [await highestRate(turn)];
    }
    return samples;
  }),
};

interface Turn extends TurnOptions {
  readonly lab: BypathLab;
  readonly road: OpenRoad;
  readonly name: string;
  readonly direction: Direction;
  readonly way: string;
}

async function highestRate({ lab, road: { host }, direction, way, name, note }: Turn) {
  const offer = async (rate: number) => {
    const result = await load(lab, { host, direction, rate, seconds: SEARCH_SECONDS });
    return { reached: result.sentPerSecond, loss: 1 - result.received / result.sent };
  };
  const options = { from: FIRST_RATE, tolerance: TOLERANCE, halvings: HALVINGS };
  const { rate, senderLimited } = await searchRate(offer, options);
  if (senderLimited) {
    note(`${name}, ${way}: the sender was the limit and lost nothing, the road may carry more`);
  }
  return rate;
}

/** What a packet costs at a rate that timers pace. */
async function costs({ lab, road, direction, way, seconds }: Turn) {
  const { host, processes } = road;
  await using machine = await MachineTime.start(lab);
  // The start of a program costs more than many packets: what a longer run has more is theirs.
  const measure = async (forSeconds: number) => {
    const before = processes.map(({ pid }) => programSeconds(pid));
    const { seconds: all, result } = await machine.during(() =>
      load(lab, { host, direction, rate: COST_RATE, seconds: forSeconds })
    );
    const own = processes.map(({ pid }, i) => programSeconds(pid) - before[i]!);
    return { all, own, received: result.received };
  };
  const short = await measure(seconds * 0.25);
  const long = await measure(seconds * 1.25);
  const packets = long.received - short.received;
  const samples: Record<string, number[]> = {
    [costName("the whole machine", way)]: [(long.all - short.all) / packets * 1e6],
  };
  processes.forEach(({ machine }, i) => {
    samples[costName(COSTS[machine], way)] = [(long.own[i]! - short.own[i]!) / packets * 1e6];
  });
  return samples;
}
