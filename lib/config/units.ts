/**
 * Durations, sizes and port ranges as people write them in a configuration file, and back.
 *
 * @module
 */

const DURATION_MS: Readonly<Record<string, number>> = {
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
};

/** Of a text that {@link parseDurationMs} takes; the JSON Schemas publish it. */
export const DURATION_PATTERN = "^(?=.)" +
  Object.keys(DURATION_MS).map((unit) => `(?:(\\d+(?:\\.\\d+)?)${unit})?`).join("") + "$";
const DURATION = new RegExp(DURATION_PATTERN);

/**
 * Reads `500ms`, `10s`, `5m`, `2h4m`, `1.5s`: units from the largest to the smallest, each at most once.
 *
 * @throws SyntaxError when it is not a duration
 */
export function parseDurationMs(text: string): number {
  const parts = DURATION.exec(text);
  if (parts === null) {
    throw new SyntaxError(`"${text}" is not a duration such as 500ms, 10s, 5m or 2h4m`);
  }
  let total = 0;
  Object.values(DURATION_MS).forEach((unitMs, index) => {
    total += Number(parts[index + 1] ?? 0) * unitMs;
  });
  return Math.round(total);
}

/** `2h4m`, `1m`, `500ms`; reads back as the same number. */
export function formatDurationMs(durationMs: number): string {
  let rest = Math.round(durationMs);
  let text = "";
  for (const [unit, unitMs] of Object.entries(DURATION_MS)) {
    const count = Math.floor(rest / unitMs);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * unitMs;
  }
  return text === "" ? "0s" : text;
}

/** Of a text that {@link parseMicroseconds} takes. */
export const MICROSECONDS_PATTERN = "^(\\d+)(us|ms)$";
const MICROSECONDS = new RegExp(MICROSECONDS_PATTERN);

/**
 * Reads `50us` and `1ms` as microseconds.
 *
 * @throws SyntaxError when it is neither
 */
export function parseMicroseconds(text: string): number {
  const parts = MICROSECONDS.exec(text);
  if (parts === null) throw new SyntaxError(`"${text}" is not a short time such as 50us or 1ms`);
  return Number(parts[1]) * (parts[2] === "ms" ? 1000 : 1);
}

const SIZE_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** Of a text that {@link parseSizeBytes} takes; the JSON Schemas publish it. */
export const SIZE_PATTERN = "^(\\d+(?:\\.\\d+)?)(B|kB|[KMGT]B|[KMGT]iB)?$";
const SIZE = new RegExp(SIZE_PATTERN);

/**
 * Reads `64KiB` (1024 bytes each), `10MB` (10^6 bytes each), `1.5GiB`, `4096`.
 *
 * @throws SyntaxError when it is not a size, or not a whole number of bytes
 */
export function parseSizeBytes(text: string): number {
  const parts = SIZE.exec(text);
  if (parts === null) {
    throw new SyntaxError(`"${text}" is not a size such as 4096, 64KiB or 10MB`);
  }
  const bytes = Number(parts[1]) * SIZE_BYTES[parts[2] ?? "B"]!;
  if (!Number.isSafeInteger(bytes)) {
    throw new SyntaxError(`"${text}" is not a whole number of bytes below 2^53`);
  }
  return bytes;
}

/** In the largest unit that leaves a whole number: `64KiB`, `10MB`, `1500B`. */
export function formatSizeBytes(bytes: number): string {
  let [bestUnit, bestCount] = ["B", bytes];
  for (const [unit, unitBytes] of Object.entries(SIZE_BYTES)) {
    const count = bytes / unitBytes;
    if (Number.isInteger(count) && count > 0 && count < bestCount) {
      [bestUnit, bestCount] = [unit, count];
    }
  }
  return `${bestCount}${bestUnit}`;
}

/** Ports from `first` to `last`, both included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Of a text that {@link parsePortRange} takes; the JSON Schemas publish it. */
export const PORT_RANGE_PATTERN = "^(\\d{1,5})(?:-(\\d{1,5}))?$";
const PORT_RANGE = new RegExp(PORT_RANGE_PATTERN);

/**
 * Reads `1024-65535` or a single port.
 *
 * @throws SyntaxError when it is no range of ports from 1 to 65535
 */
export function parsePortRange(text: string): PortRange {
  const parts = PORT_RANGE.exec(text);
  if (parts === null) throw new SyntaxError(`"${text}" is not a range of ports such as 1024-65535`);
  const first = Number(parts[1]);
  const last = Number(parts[2] ?? parts[1]);
  if (first < 1 || last < 1 || first > 65535 || last > 65535) {
    throw new SyntaxError(`"${text}" is not a range of ports: ports go from 1 to 65535`);
  }
  if (first > last) {
    throw new SyntaxError(`"${text}" is not a range of ports: the last comes before the first`);
  }
  return { first, last };
}

/** HTTP status codes from `first` to `last`, both included. */
export interface StatusRange {
  readonly first: number;
  readonly last: number;
}

/** Of a text that {@link parseStatusRange} takes; the JSON Schemas publish it. */
export const STATUS_RANGE_PATTERN = "^([1-5]\\d\\d)(?:-([1-5]\\d\\d))?$";
const STATUS_RANGE = new RegExp(STATUS_RANGE_PATTERN);

/**
 * Reads `200-399` or a single status.
 *
 * @throws SyntaxError when it is no range of status codes
 */
export function parseStatusRange(text: string): StatusRange {
  const parts = STATUS_RANGE.exec(text);
  const first = Number(parts?.[1]), last = Number(parts?.[2] ?? parts?.[1]);
  if (parts === null || first > last) {
    throw new SyntaxError(`"${text}" is not a status such as 200, or a range such as 200-399`);
  }
  return { first, last };
}

/** `200-399`, or `204`. */
export function formatStatusRange({ first, last }: StatusRange): string {
  return first === last ? String(first) : `${first}-${last}`;
}
