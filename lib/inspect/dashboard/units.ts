import { humanBitRate, humanBytes } from "../../config/human.ts";

/** Bits a second of so many bytes a second, as it is printed: with a narrow space before the unit. */
export function rateText(bytesPerSecond: number): string {
  return spaced(humanBitRate(bytesPerSecond));
}

export function bytesText(bytes: number): string {
  return spaced(humanBytes(bytes));
}

function spaced(text: string): string {
  return text.replace(/(\d)([a-zA-Z])/, "$1\u202f$2");
}
