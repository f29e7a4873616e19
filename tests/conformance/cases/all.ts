import type { Case } from "../runner/case.ts";
import { ENDPOINT_CASES } from "./endpoints.ts";
import { TCP_CASES } from "./tcp.ts";
import { TIMER_CASES } from "./timers.ts";
import { UDP_CASES } from "./udp.ts";

/** Every case, those that wait last. */
export const CASES: readonly Case[] = [
  ...UDP_CASES,
  ...TCP_CASES,
  ...ENDPOINT_CASES,
  ...TIMER_CASES,
];
