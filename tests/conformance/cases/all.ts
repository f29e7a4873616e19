import type { Case } from "../runner/case.ts";
import { ENDPOINT_CASES } from "./endpoints.ts";
import { FRAGMENT_CASES } from "./fragments.ts";
import { HEADER_CASES } from "./headers.ts";
import { ICMP_CASES } from "./icmp.ts";
import { IPV6_CASES } from "./ipv6.ts";
import { TCP_CASES } from "./tcp.ts";
import { TIMER_CASES } from "./timers.ts";
import { UDP_CASES } from "./udp.ts";

/** Every case, those that wait last. */
export const CASES: readonly Case[] = [
  ...HEADER_CASES,
  ...UDP_CASES,
  ...TCP_CASES,
  ...ICMP_CASES,
  ...FRAGMENT_CASES,
  ...IPV6_CASES,
  ...ENDPOINT_CASES,
  ...TIMER_CASES,
];
