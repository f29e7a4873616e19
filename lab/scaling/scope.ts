const KIB = 1024;
/** `bypass.start`: `immediately`, bytes, `never`. */
export const THRESHOLDS: readonly number[] = [
  0,
  ...[16, 64, 256, 1024, 4096, 16_384].map((kib) => kib * KIB),
  Infinity,
];
/** What a service does that says nothing of `bypass`. */
export const DEFAULT_THRESHOLD = 64 * KIB;
export const CORES: readonly number[] = [1, 2, 4, 8, 16, 32];
export const SERVERS: readonly number[] = [1, 4, 16, 64];
/** Where a table has to choose one machine. */
export const TYPICAL_CORES = 8;
export const SESSIONS = 100_000;
