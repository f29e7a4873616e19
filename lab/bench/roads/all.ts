import type { Road } from "../road.ts";
import { bypathBypass, bypathCriteria, bypathNat } from "./bypath.ts";
import { direct } from "./direct.ts";
import { haproxy } from "./haproxy.ts";
import { nft } from "./nft.ts";
import { nginxStream } from "./nginx_stream.ts";

/** In the order of their turns. */
export const ROADS: readonly Road[] = [
  direct,
  nft,
  haproxy,
  nginxStream,
  bypathNat,
  bypathBypass,
  bypathCriteria,
];
