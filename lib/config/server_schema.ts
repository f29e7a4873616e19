/**
 * What a service of nat.yaml says about its servers' health and about who gets which server.
 *
 * @module
 */

import { z } from "zod";
import { duration, show, statusRange } from "./fields.ts";

const SECOND_MS = 1000;
const HOUR_MS = 3_600_000;

/** Visible ASCII: what goes into a request line or a header must not end it. */
const VISIBLE = "[\\x21-\\x7e]";

const http = z.strictObject({
  path: z.string().max(1000).regex(new RegExp(`^/${VISIBLE}*$`), {
    error: ({ input }) => `${show(input)} is not a path: it begins with "/" and has no spaces`,
  }).prefault("/").describe("What is asked for"),
  status: z.array(statusRange()).min(1).max(100).prefault(["200-399"]).describe(
    "Status codes of a good answer: single ones, or ranges; redirects are not followed",
  ),
  host: z.string().max(255).regex(new RegExp(`^${VISIBLE}+$`), {
    error: ({ input }) => `${show(input)} is not the name of a host`,
  }).meta({ examples: ["www.example"] }).optional().describe(
    "The Host header; absent: the server's address and port",
  ),
});

const passive = z.strictObject({
  failures: z.int().min(1).max(1000).prefault(5).describe(
    "So many sessions in a row that the server refuses with RST or leaves without answer take it down",
  ),
  within: duration({ minMs: SECOND_MS, maxMs: HOUR_MS }).prefault("10s").describe(
    "As long as they come within this time",
  ),
});

/** `health` of a service. */
export const health = z.strictObject({
  tcp: z.strictObject({}).optional().describe(
    "Opens a TCP connection to each server and closes it again",
  ),
  http: http.optional().describe("Sends each server a GET request and looks at the status"),
  agent: z.strictObject({}).optional().describe(
    "Each server's agent opens a TCP connection to its application and reports how that went",
  ),
  passive: passive.optional().describe(
    "What sessions show takes a server down, too; beside one of the others, or alone",
  ),
  interval: duration({ minMs: 100 }).prefault("2s").describe("From one check to the next"),
  timeout: duration({ minMs: 10 }).prefault("1s").describe("When a check counts as failed"),
  rise: z.int().min(1).max(100).prefault(2).describe(
    "Good checks in a row that bring a server up",
  ),
  fall: z.int().min(1).max(100).prefault(3).describe("Bad checks in a row that take it down"),
}).superRefine(checkKinds);

const KINDS = ["tcp", "http", "agent"] as const;

function checkKinds(
  value: { readonly [key: string]: unknown },
  context: z.core.$RefinementCtx,
): void {
  const given = KINDS.filter((kind) => value[kind] !== undefined);
  if (given.length > 1) {
    context.addIssue(`${given.join(" and ")} are too many: one of ${KINDS.join(", ")}`);
  } else if (given.length === 0 && value.passive === undefined) {
    context.addIssue(`needs one of ${KINDS.join(", ")}, or passive alone`);
  }
}

const prefixLengths = z.strictObject({
  ipv4: z.int().min(1).max(32).prefault(32).describe("Length of the prefix, of IPv4 clients"),
  ipv6: z.int().min(1).max(128).prefault(128).describe("Likewise, of IPv6 clients"),
});

/** `affinity` of a service. */
export const affinity = z.strictObject({
  client: z.union([z.literal(true), prefixLengths], {
    error: ({ input }) =>
      input === undefined
        ? "missing"
        : `expected true or prefix lengths such as { ipv4: 24, ipv6: 56 }, got ${show(input)}`,
  }).describe("true: whole addresses; or the length of the prefix that clients have in common"),
  timeout: duration({ minMs: SECOND_MS }).prefault("10m").describe(
    "How long after its last session a client still belongs to its server",
  ),
});

/** `slowStart` of a service. */
export const slowStart = duration({ minMs: SECOND_MS, maxMs: HOUR_MS }).optional().describe(
  "How long the share of a server that comes up, or is added, takes to rise to its weight; absent: at once",
);
