/**
 * The predetermined criteria: when a session's responses begin to bypass the NAT machine, and when they return.
 *
 * @module
 */

/** `bypass.start` as numbers that are compared; Infinity where there is no such criterion. */
export interface StartCriteria {
  readonly never: boolean;
  readonly immediately: boolean;
  readonly packets: number;
  readonly bytes: number;
}

/** `bypass.start` as it is configured. */
export interface StartSettings {
  readonly never?: boolean;
  readonly immediately?: boolean;
  readonly packets?: number;
  readonly bytes?: number;
}

/** Which criterion was met. */
export const CROSSED = { none: 0, bytes: 1, packets: 2, immediately: 3 } as const;

/** Fills in what is not configured. */
export function startCriteria(settings: StartSettings): StartCriteria {
  const { never = false, immediately = false, packets = Infinity, bytes = Infinity } = settings;
  return { never, immediately, packets, bytes };
}

/** Which criterion the response packets and bytes of a session meet: one of {@link CROSSED}, 0 for none. */
export function crossed(criteria: StartCriteria, packets: number, bytes: number): number {
  if (criteria.never) return CROSSED.none;
  if (criteria.immediately) return CROSSED.immediately;
  if (bytes >= criteria.bytes) return CROSSED.bytes;
  if (packets >= criteria.packets) return CROSSED.packets;
  return CROSSED.none;
}

/** The configured number behind a criterion, for the reason that is recorded; 0 where there is none. */
export function thresholdOf(criteria: StartCriteria, criterion: number): number {
  if (criterion === CROSSED.bytes) return criteria.bytes;
  if (criterion === CROSSED.packets) return criteria.packets;
  return 0;
}
