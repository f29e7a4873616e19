/**
 * The predetermined criteria: when a session's responses begin to bypass the NAT machine.
 *
 * @module
 */

/** What is measured of a session's responses, as places in an array of numbers. */
export const MEASURE = { bytes: 0, packets: 1, ageMs: 2, byteRate: 3, packetRate: 4 } as const;
export const MEASURES = 5;

/** Numbers to be reached. Rates are a second's. */
export interface Thresholds {
  readonly bytes?: number;
  readonly packets?: number;
  readonly ageMs?: number;
  readonly byteRate?: number;
  readonly packetRate?: number;
}

/** `bypass.start` as it is configured: any of the numbers, or all those of `all`. */
export interface StartSettings extends Thresholds {
  readonly never?: boolean;
  readonly immediately?: boolean;
  readonly all?: Thresholds;
  /** Whether rates are wanted although no number here is one. */
  readonly metered?: boolean;
}

/** `bypass.start` as numbers that are compared. */
export interface StartCriteria {
  readonly never: boolean;
  readonly immediately: boolean;
  /** By MEASURE, of which the first that is reached counts; Infinity where there is no such criterion. */
  readonly any: Float64Array;
  /** Places of those numbers: mostly one, and this is asked at every packet. */
  readonly anyOf: Uint8Array;
  /** By MEASURE, all of which must be reached; -Infinity where it does not matter. Null: no such criterion. */
  readonly all: Float64Array | null;
  /** How many numbers `all` is made of. */
  readonly allOf: number;
  /** Whether the rates must be measured. */
  readonly metered: boolean;
}

/** Which criterion was met; numbered as the reasons of the session table. */
export const CROSSED = {
  none: 0,
  bytes: 1,
  packets: 2,
  immediately: 3,
  age: 32,
  rate: 33,
  all: 41,
  packetRate: 42,
} as const;

/** By MEASURE. */
const CRITERIA = [
  CROSSED.bytes,
  CROSSED.packets,
  CROSSED.age,
  CROSSED.rate,
  CROSSED.packetRate,
] as const;

/** Fills in what is not configured. */
export function startCriteria(settings: StartSettings): StartCriteria {
  const { never = false, immediately = false, metered = false, all } = settings;
  const wanted = all === undefined ? [] : Object.values(all);
  return {
    never,
    immediately,
    any: numbers(settings, Infinity),
    anyOf: Uint8Array.from(Object.values(MEASURE).filter((i) => numbers(settings, 0)[i] !== 0)),
    all: wanted.length === 0 ? null : numbers(all!, -Infinity),
    allOf: wanted.length,
    metered: metered || hasRate(settings) || (all !== undefined && hasRate(all)),
  };
}

function numbers(of: Thresholds, otherwise: number): Float64Array {
  const { bytes, packets, ageMs, byteRate, packetRate } = of;
  return Float64Array.from([bytes, packets, ageMs, byteRate, packetRate], (it) => it ?? otherwise);
}

function hasRate({ byteRate, packetRate }: Thresholds): boolean {
  return byteRate !== undefined || packetRate !== undefined;
}

/**
 * Which criterion a session meets: one of {@link CROSSED}, 0 for none. Allocates nothing.
 * @param measured by MEASURE
 */
export function crossed(criteria: StartCriteria, measured: Float64Array): number {
  if (criteria.never) return CROSSED.none;
  if (criteria.immediately) return CROSSED.immediately;
  const { any, anyOf, all } = criteria;
  for (let n = 0; n < anyOf.length; n++) {
    const i = anyOf[n]!;
    if (measured[i]! >= any[i]!) return CRITERIA[i]!;
  }
  if (all === null) return CROSSED.none;
  for (let i = 0; i < MEASURES; i++) {
    if (measured[i]! < all[i]!) return CROSSED.none;
  }
  return CROSSED.all;
}

/** The number behind a criterion, for the reason that is recorded; 0 where there is none. */
export function thresholdOf(criteria: StartCriteria, criterion: number): number {
  if (criterion === CROSSED.all) return criteria.allOf;
  for (let i = 0; i < MEASURES; i++) {
    if (CRITERIA[i] === criterion) return criteria.any[i]!;
  }
  return 0;
}
