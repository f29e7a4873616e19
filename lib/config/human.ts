/**
 * Numbers as people read them at a glance: three digits or so, with a unit. Programs take `--json`.
 *
 * @module
 */

const THOUSANDS = ["", "k", "M", "G", "T", "P"];

/** `0`, `999`, `9999`, `12.3k`, `1.23M`: exact up to 9999. */
export function humanCount(count: number): string {
  return count < 10_000 ? String(Math.round(count)) : scaled(count);
}

/** Every digit, in groups: `1,234,567`. */
export function exactCount(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

/** `800B`, `66kB`, `1.3MB`: powers of ten, as `ip -h` and `ls --si` count. */
export function humanBytes(bytes: number): string {
  return `${scaled(bytes)}B`;
}

/** Bits a second of so many bytes a second: `9.87Gbit/s`. */
export function humanBitRate(bytesPerSecond: number): string {
  return `${scaled(bytesPerSecond * 8)}bit/s`;
}

/** `3ms`, `1.5s`, `42s`, `5m3s`, `2h4m`, `3d7h`: the two largest units. */
export function humanDuration(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)}ms`;
  const seconds = durationMs / 1000;
  if (seconds < 9.95) return `${trimmed(seconds, 1)}s`;
  const units: readonly [string, number][] = [["d", 86_400], ["h", 3600], ["m", 60], ["s", 1]];
  const whole = Math.floor(seconds);
  const first = units.findIndex(([, size]) => whole >= size);
  const [unit, size] = units[first]!;
  const next = units[first + 1];
  const rest = next === undefined ? 0 : Math.floor(whole % size / next[1]);
  return `${Math.floor(whole / size)}${unit}${rest === 0 ? "" : `${rest}${next![0]}`}`;
}

function scaled(value: number): string {
  let power = 0;
  // 999.6 is 1000 once it is rounded to three digits.
  while (value >= 999.5 && power < THOUSANDS.length - 1) {
    value /= 1000;
    power++;
  }
  const digits = power === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${trimmed(value, digits)}${THOUSANDS[power]}`;
}

/** Without zeros at the end of the fraction: `1.30` to `1.3`. */
function trimmed(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}
