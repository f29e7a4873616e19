import type { Road } from "../road.ts";
import {
  bypathBypass,
  bypathBypassPolling,
  bypathCriteria,
  bypathNat,
  bypathNatPolling,
  bypathNatUnshielded,
  bypathNatWorkers,
} from "./bypath.ts";
import { direct } from "./direct.ts";
import { haproxy } from "./haproxy.ts";
import { nft } from "./nft.ts";
import { nginxStream } from "./nginx_stream.ts";
import { referenceRoads } from "./reference.ts";

/** Those of every bench, in the order of their turns. */
export const ROADS: readonly Road[] = [
  direct,
  nft,
  haproxy,
  nginxStream,
  bypathNat,
  bypathBypass,
  bypathCriteria,
];

/** What a CPU spent on asking saves in time. */
export const POLLING: readonly Road[] = [bypathNatPolling, bypathBypassPolling];
/** What a second packet thread adds. */
export const WORKERS: readonly Road[] = [bypathNatWorkers];

/** What is left when the NAT machine's kernel looks at the packets too. */
export const UNSHIELDED: readonly Road[] = [bypathNatUnshielded];

/** What any program with packet sockets can carry: what bypath carries less is its own. */
export const REFERENCE_ROADS: readonly Road[] = referenceRoads();

/** Every road of any bench. */
export const ALL_ROADS: readonly Road[] = [
  ...ROADS,
  ...POLLING,
  ...WORKERS,
  ...UNSHIELDED,
  ...REFERENCE_ROADS,
];
