/**
 * Rates and loads as people write them in a configuration file, and back.
 *
 * @module
 */

/** So many bytes, or so many packets, in a second. */
export interface Rate {
  readonly of: "bytes" | "packets";
  readonly perSecond: number;
}

/** A rate, or how much of one processor core is busy (0-1). */
export type Load = Rate | { readonly of: "core"; readonly share: number };

const UNITS: Readonly<Record<string, number>> = {
  "bit/s": 1 / 8,
  "kbit/s": 1e3 / 8,
  "Mbit/s": 1e6 / 8,
  "Gbit/s": 1e9 / 8,
};

/** Of a text that {@link parseRate} takes; the JSON Schemas publish it. */
export const RATE_PATTERN = "^(\\d+(?:\\.\\d+)?)([kMG]?bit)?\\/s$";
const RATE = new RegExp(RATE_PATTERN);

/**
 * Reads `10Mbit/s` (10^6 bits a second, IP headers included) or `1000/s` (packets a second).
 *
 * @throws SyntaxError when it is not a rate, or nothing at all
 */
export function parseRate(text: string): Rate {
  const parts = RATE.exec(text);
  if (parts === null) {
    throw new SyntaxError(
      `"${text}" is not a rate such as 10Mbit/s or, in packets, 1000/s`,
    );
  }
  const number = Number(parts[1]);
  if (number === 0) throw new RangeError("a rate of 0 is reached by a session that does nothing");
  return parts[2] === undefined
    ? { of: "packets", perSecond: number }
    : { of: "bytes", perSecond: number * UNITS[`${parts[2]}/s`]! };
}

/** `10Mbit/s`, in the largest unit that leaves no fraction, or `1000/s`. */
export function formatRate({ of, perSecond }: Rate): string {
  if (of === "packets") return `${perSecond}/s`;
  const bits = perSecond * 8;
  const unit = Object.keys(UNITS).findLast((name) => Number.isInteger(bits / (UNITS[name]! * 8)));
  return unit === undefined ? `${bits}bit/s` : `${bits / (UNITS[unit]! * 8)}${unit}`;
}

/** Of a text that {@link parseLoad} takes. */
export const LOAD_PATTERN = `${RATE_PATTERN}|^(\\d+(?:\\.\\d+)?)%$`;
const SHARE = /^(\d+(?:\.\d+)?)%$/;

/**
 * Reads a rate, or `50%` of a processor core.
 *
 * @throws SyntaxError, RangeError
 */
export function parseLoad(text: string): Load {
  const share = SHARE.exec(text);
  if (share !== null) {
    const percent = Number(share[1]);
    if (percent > 0 && percent < 100) return { of: "core", share: percent / 100 };
    throw new RangeError(`${text} of a core is out of range: more than 0%, less than 100%`);
  }
  if (text.endsWith("%") || !RATE.test(text)) {
    throw new SyntaxError(
      `"${text}" is not a load such as 500Mbit/s, 100000/s or 50% (of a core)`,
    );
  }
  return parseRate(text);
}

/** `500Mbit/s`, `100000/s` or `50%`. */
export function formatLoad(load: Load): string {
  return load.of === "core" ? `${Math.round(load.share * 1e6) / 1e4}%` : formatRate(load);
}
