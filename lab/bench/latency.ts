import { Distribution } from "./distribution.ts";
import type { Aim, Bench, Quantity } from "./bench.ts";
import { echo, LOAD, startLoadPeer } from "./loads/datagrams.ts";
import { subjectsOf } from "./road.ts";
import { POLLING, REFERENCE_ROADS, ROADS } from "./roads/all.ts";

const RATES = [100, 2000] as const;
const QUANTILES = { p50: 0.5, p99: 0.99 } as const;
type QuantileName = keyof typeof QUANTILES;
const QUANTILE_NAMES: readonly QuantileName[] = ["p50", "p99"];

const measuredName = (quantile: QuantileName, rate: number) =>
  `${quantile} of a request's time, ${rate} a second`;
const addedName = (quantile: QuantileName, rate: number) =>
  `added to the direct road's ${quantile}, ${rate} a second`;
const each = <T>(make: (quantile: QuantileName, rate: number) => T): T[] =>
  RATES.flatMap((rate) => QUANTILE_NAMES.map((quantile) => make(quantile, rate)));

/** How much later a small answer comes. */
export const latency: Bench = {
  name: "latency",
  description: "time of a small request and its answer, one at a time at a low and a medium rate",
  needs: ["ethtool"],
  rounds: 5,
  seconds: 3,
  quantities: [
    ...each((quantile, rate): Quantity => ({
      name: measuredName(quantile, rate),
      unit: "µs",
      better: "less",
    })),
    ...each((quantile, rate): Quantity => ({
      name: addedName(quantile, rate),
      unit: "µs",
      better: "less",
      beyond: { quantity: measuredName(quantile, rate), subject: "direct" },
    })),
  ],
  aims: [
    ...["bypath-nat", "bypath-bypass"].map((subject): Aim => ({
      quantity: addedName("p50", RATES[0]),
      subject,
      of: "nft",
      atMost: 1.3,
    })),
  ],
  notes: [
    "UDP, echoed by the server",
    "each request waits for the answer to the one before: nothing queues but what the road itself adds",
  ],
  prepare: startLoadPeer,
  subjects: subjectsOf(
    [...ROADS, ...POLLING, ...REFERENCE_ROADS],
    [LOAD],
    async (lab, { host }, { seconds, note }, name) => {
      const samples: Record<string, number[]> = {};
      for (const rate of RATES) {
        const { microseconds, lost } = await echo(lab, { host, rate, seconds });
        if (lost > 0) note(`${name}: answers missing at ${rate} a second, ${lost} in one turn`);
        const times = new Distribution(microseconds);
        for (const quantile of QUANTILE_NAMES) {
          samples[measuredName(quantile, rate)] = [times.quantile(QUANTILES[quantile])];
        }
      }
      return samples;
    },
    (lab, { host }) => echo(lab, { host, rate: 20_000, seconds: 2 }),
  ),
};
