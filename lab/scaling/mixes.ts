/** How large responses are: where a cumulative distribution bends, or classes of which the mean is known. */
export type Sizes =
  | { readonly kind: "points"; readonly points: readonly (readonly [number, number])[] }
  | { readonly kind: "classes"; readonly classes: readonly TrafficClass[] };

export interface TrafficClass {
  readonly name: string;
  readonly bitsPerSecond: number;
  readonly requestsPerSecond: number;
}

export interface Mix {
  readonly name: string;
  /** Who published it, and the file that it was taken from. */
  readonly source: string;
  readonly sizes: Sizes;
}

const TRAFFIC_GENERATOR = "github.com/HKUST-SING/TrafficGenerator";
const TRAGEN = "`FOOTPRINT_DESCRIPTORS/available_fds.txt` of github.com/UMass-LIDS/Tragen";

/**
 * Bytes and the share of flows that are not larger. Between two points the generators which use these files draw
 * evenly, and so does this model.
 */
export const MIXES: readonly Mix[] = [
  {
    name: "web search",
    source:
      "Alizadeh et al., Data Center TCP (DCTCP), SIGCOMM 2010, as in `conf/DCTCP_CDF.txt` of " +
      `${TRAFFIC_GENERATOR} (the same points: \`traffic_gen/WebSearch_distribution.txt\` of ` +
      "github.com/alibaba-edu/High-Precision-Congestion-Control)",
    sizes: {
      kind: "points",
      points: [
        [0, 0],
        [10_000, 0.15],
        [20_000, 0.2],
        [30_000, 0.3],
        [50_000, 0.4],
        [80_000, 0.53],
        [200_000, 0.6],
        [1_000_000, 0.7],
        [2_000_000, 0.8],
        [5_000_000, 0.9],
        [10_000_000, 0.97],
        [30_000_000, 1],
      ],
    },
  },
  {
    name: "data mining",
    source: "Greenberg et al., VL2, SIGCOMM 2009, as in `conf/VL2_CDF.txt` of " +
      TRAFFIC_GENERATOR,
    sizes: {
      kind: "points",
      points: [
        [0, 0],
        [180, 0.1],
        [216, 0.2],
        [560, 0.3],
        [900, 0.4],
        [1100, 0.5],
        [1870, 0.6],
        [3160, 0.7],
        [10_000, 0.8],
        [400_000, 0.9],
        [3_160_000, 0.95],
        [100_000_000, 0.98],
        [1_000_000_000, 1],
      ],
    },
  },
  {
    name: "CDN, mixed",
    source:
      "Sabnis and Sitaraman, TRAGEN, IMC 2021: classes tc-0 to tc-3 of a cluster of Akamai's, " +
      `in ${TRAGEN}`,
    sizes: {
      kind: "classes",
      classes: [
        { name: "downloads", bitsPerSecond: 70e6, requestsPerSecond: 22.9 },
        { name: "images", bitsPerSecond: 8e6, requestsPerSecond: 243 },
        { name: "media", bitsPerSecond: 40e6, requestsPerSecond: 141 },
        { name: "web", bitsPerSecond: 250e6, requestsPerSecond: 406 },
      ],
    },
  },
  {
    name: "CDN, video",
    source: "The same authors: class v, servers that serve mostly video, in the same file",
    sizes: {
      kind: "classes",
      classes: [{ name: "video", bitsPerSecond: 1.5e9, requestsPerSecond: 400.2 }],
    },
  },
];
