import { formatBytes, formatCount, formatRate } from "../terminal.ts";
import type { Unit } from "./bench.ts";

/** A value of a quantity as people read it: `9.87 Gbit/s`, `24,300 /s`, `31.2 µs`. */
export function formatFigure(value: number, unit: Unit): string {
  if (value === Infinity) return "never";
  switch (unit) {
    case "bit/s":
      return formatRate(value);
    case "1/s":
      return `${formatCount(value)} /s`;
    case "B":
      return Math.abs(value) < 10_000 ? `${decimal(value)} B` : formatBytes(value);
    case "share":
      return `${(value * 100).toFixed(Math.abs(value) < 0.1 ? 2 : 1)} %`;
    case "ratio":
      return value.toFixed(2);
    default:
      return `${decimal(value)} ${unit}`;
  }
}

/** Three digits that mean something. */
function decimal(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return formatCount(value);
  return value.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

export function formatRatio(ratio: number): string {
  return ratio >= 100 ? formatCount(ratio) : ratio.toFixed(ratio < 0.01 ? 4 : 2);
}
