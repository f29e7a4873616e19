import type { Prefix } from "../wire/prefix.ts";
import type { BypassDocument } from "./criteria_schema.ts";
import type { Expression } from "./expression.ts";
import type { Load, Rate } from "./rate.ts";

/** Numbers that a session reaches. */
export interface ThresholdConfig {
  /** Response packets of the session. */
  readonly packets?: number;
  /** IP bytes of the session's response packets. */
  readonly bytes?: number;
  readonly ageMs?: number;
  readonly rate?: Rate;
}

/**
 * When a bypass starts: exactly `never`, or exactly `immediately`, or when the first of the others
 * is met; and then only for whom it is not restricted.
 */
export interface StartConfig extends ThresholdConfig {
  readonly never?: true;
  readonly immediately?: true;
  /** One criterion each, all to be met; not two of a kind. */
  readonly all?: readonly ThresholdConfig[];
  readonly clients?: readonly Prefix[];
  /** `address` or `address:port`, canonical. */
  readonly servers?: readonly string[];
  readonly load?: Load;
  readonly where?: Expression;
}

export interface StopConfig {
  readonly idleMs?: number;
  readonly rate?: Rate;
  /** How long the rate must lie below; with `rate` alone. */
  readonly forMs?: number;
  /** Of the instruction. */
  readonly ageMs?: number;
}

export interface BypassConfig {
  readonly start: StartConfig;
  readonly stop: StopConfig;
}

/** How long a rate must lie below `bypass.stop: rate` unless the configuration says. */
const STOP_RATE_FOR_MS = 5_000;

/** @param where the expression of the document, read */
export function bypassOf({ start, stop }: BypassDocument, where?: Expression): BypassConfig {
  const { never, immediately, all, clients, servers, load } = start;
  return {
    start: {
      ...(never && { never }),
      ...(immediately && { immediately }),
      ...thresholdsOf(start),
      ...(all && { all: all.map(thresholdsOf) }),
      ...(clients && { clients }),
      ...(servers && { servers }),
      ...(load && { load }),
      ...(where && { where }),
    },
    stop: {
      ...(stop.idle !== undefined && { idleMs: stop.idle }),
      ...(stop.rate && { rate: stop.rate, forMs: stop.for ?? STOP_RATE_FOR_MS }),
      ...(stop.age !== undefined && { ageMs: stop.age }),
    },
  };
}

type ThresholdDocument = NonNullable<BypassDocument["start"]["all"]>[number];

function thresholdsOf({ packets, bytes, age, rate }: ThresholdDocument): ThresholdConfig {
  return {
    ...(packets !== undefined && { packets }),
    ...(bytes !== undefined && { bytes }),
    ...(age !== undefined && { ageMs: age }),
    ...(rate && { rate }),
  };
}
