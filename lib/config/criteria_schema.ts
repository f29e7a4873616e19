/**
 * `bypass:` of a service as zod schemas: when its sessions begin to bypass, and when they stop.
 *
 * @module
 */

import { z } from "zod";
import { duration, load, prefix, rate, serverName, size } from "./fields.ts";

const SECOND_MS = 1000;
const THIRTY_DAYS_MS = 30 * 86_400_000;
const LONGEST_EXPRESSION = 4096;

const age = (description: string) =>
  duration({ minMs: 100, maxMs: THIRTY_DAYS_MS }).optional().describe(description);

const thresholds = {
  packets: z.int().min(1).meta({ examples: [100] }).optional().describe(
    "When so many response packets have passed",
  ),
  bytes: size().optional().describe("When so many bytes of response packets have passed"),
  age: age("When the session is so old, with its next response"),
  rate: rate().optional().describe(
    "When its responses, smoothed over a second, come at this rate: 10Mbit/s, or 1000/s packets",
  ),
};
const ALONE = ["never", "immediately"] as const;
const CRITERIA = [...Object.keys(thresholds), "all", ...ALONE];

const start = z.strictObject({
  never: z.literal(true).optional().describe("Every response goes by way of the NAT machine"),
  immediately: z.literal(true).optional().describe(
    "As the TCP handshake completes, or with the first UDP packet",
  ),
  ...thresholds,
  all: z.array(z.strictObject(thresholds).superRefine(checkOne)).min(1).max(5).superRefine(
    checkAll,
  ).optional().describe("Criteria that must be met together, each an entry of its own"),
  clients: z.array(prefix()).min(1).max(1000).optional().describe(
    "Only sessions of these clients",
  ),
  servers: z.array(serverName()).min(1).max(1000).optional().describe(
    "Only sessions with these servers of the service, address or address:port",
  ),
  load: load().optional().describe(
    "Only while the NAT machine carries more than this rate, or is busier than this share of a core",
  ),
  where: z.string().min(1).max(LONGEST_EXPRESSION).meta({
    title: "expression",
    examples: ["rate > 1000000.0 && clientPort != 443"],
  }).optional().describe(
    "Only sessions for which this CEL expression is true; asked when the criteria are met",
  ),
}).superRefine(checkStart).describe(
  "The predetermined criteria: the first that is met starts the bypass, if nothing restricts it",
);

function given(criteria: object): string[] {
  return Object.entries(criteria).flatMap(([key, value]) => value === undefined ? [] : [key]);
}

function checkStart(criteria: object, context: z.core.$RefinementCtx): void {
  const keys = given(criteria);
  const alone = ALONE.find((key) => keys.includes(key));
  const others = keys.filter((key) =>
    key !== alone && (alone === "never" || CRITERIA.includes(key))
  );
  if (!keys.some((key) => CRITERIA.includes(key))) {
    const needed = "bytes, packets, age, rate, all, immediately or never";
    const restrictions = keys.length === 0
      ? ""
      : `: ${keys.join(" and ")} only ${keys.length === 1 ? "restricts" : "restrict"} others`;
    context.addIssue(`needs a criterion, ${needed}${restrictions}`);
  } else if (alone !== undefined && others.length > 0) {
    context.addIssue(`"${alone}" leaves no room for ${others.join(" and ")}`);
  }
}

function checkOne(criteria: object, context: z.core.$RefinementCtx): void {
  const keys = given(criteria);
  if (keys.length === 1) return;
  context.addIssue(
    keys.length === 0
      ? `needs a criterion: ${Object.keys(thresholds).join(", ")}`
      : `has ${keys.join(" and ")}: make each an entry of its own`,
  );
}

function checkAll(
  entries: readonly { rate?: { of: string } | undefined }[],
  context: z.core.$RefinementCtx,
): void {
  const seen = new Set<string>();
  entries.forEach((entry, index) => {
    const [kind] = given(entry);
    if (kind === undefined) return;
    const what = kind === "rate" ? `rate in ${entry.rate!.of}` : kind;
    if (seen.has(what)) {
      context.issues.push({
        code: "custom",
        input: entry,
        path: [index],
        message: `a second ${what}: all of them would have to be met`,
      });
    }
    seen.add(what);
  });
}

const stop = z.strictObject({
  idle: duration({ minMs: SECOND_MS }).meta({ examples: ["60s"] }).optional().describe(
    "When the session has been idle for so long",
  ),
  rate: rate().meta({ examples: ["1Mbit/s"] }).optional().describe(
    "When its responses have come at less than this rate for the time that `for` says",
  ),
  for: duration({ minMs: SECOND_MS, maxMs: 3600 * SECOND_MS }).optional().describe(
    "How long the rate has to lie below; absent: 5s",
  ),
  age: age("When the instruction is so old"),
}).superRefine(({ rate, for: lasting }, context) => {
  if (lasting !== undefined && rate === undefined) {
    context.issues.push({
      code: "custom",
      input: lasting,
      path: ["for"],
      message: "says how long the rate has to lie below, and there is no rate",
    });
  }
}).describe("When a session returns to the way by the NAT machine");

/** `bypass:` of a service. */
export const bypassSchema = z.strictObject({
  start: start.prefault({ bytes: "64KiB" }),
  stop: stop.prefault({ idle: "60s" }),
});

/** What {@link bypassSchema} makes of a document. */
export type BypassDocument = z.output<typeof bypassSchema>;
