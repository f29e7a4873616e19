import { type Random, seededRandom } from "../random.ts";
import type { Sizes, TrafficClass } from "./mixes.ts";

export interface SampleOptions {
  readonly seed: number;
  readonly sessions: number;
  /** Responses on one connection. */
  readonly responses: number;
  /** σ of the log-normal sizes within a class. */
  readonly spread: number;
}

/**
 * Response bytes of so many sessions. The first draw of each goes evenly through the distribution, one in each of its
 * equal parts, so that the few largest sessions, which have most of the bytes, are there in their number. Pure.
 */
export function sampleSessions(sizes: Sizes, options: SampleOptions): Float64Array {
  const { seed, sessions, responses, spread } = options;
  const random = seededRandom(seed);
  const draw = sizes.kind === "points"
    ? (share: number) => quantile(sizes.points, share)
    : classDraw(sizes.classes, spread, random);
  return Float64Array.from({ length: sessions }, (_, i) => {
    let bytes = draw((i + random()) / sessions);
    for (let more = 1; more < responses; more++) bytes += draw(random());
    return bytes;
  });
}

/** The size that this share of flows does not exceed. */
export function quantile(points: readonly (readonly [number, number])[], share: number): number {
  const above = Math.max(1, points.findIndex(([, cumulative]) => cumulative >= share));
  const [low, lowShare] = points[above - 1]!;
  const [high, highShare] = points[above]!;
  return low + (high - low) * (share - lowShare) / (highShare - lowShare);
}

/** Requests fall to the classes by their rates; in a class sizes are log-normal with the class's mean. */
function classDraw(classes: readonly TrafficClass[], spread: number, random: Random) {
  const total = classes.reduce((sum, { requestsPerSecond }) => sum + requestsPerSecond, 0);
  return (share: number) => {
    let rest = share * total;
    const chosen = classes.find(({ requestsPerSecond }) => (rest -= requestsPerSecond) < 0) ??
      classes.at(-1)!;
    const mean = chosen.bitsPerSecond / 8 / chosen.requestsPerSecond;
    return mean * Math.exp(spread * standardNormal(random) - spread ** 2 / 2);
  };
}

/** Box and Muller, 1958. */
function standardNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
