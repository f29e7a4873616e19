/** Numbers to places on a line, and the round numbers that are written beside it. */

const STEPS = [1, 2, 2.5, 5, 10];

/** About `count` round steps from 0 up to at least `largest`; the last is where the line ends. */
export function roundTicks(largest: number, count: number): number[] {
  if (!(largest > 0)) return [0, 1];
  const rough = largest / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = STEPS.find((each) => each * power >= rough * 0.999)! * power;
  const ticks = Math.ceil(largest / step - 1e-9);
  return Array.from({ length: ticks + 1 }, (_, i) => i * step);
}

const SECONDS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

/** A step in milliseconds, round in seconds or minutes, of which at most `count` are in `lengthMs`. */
export function timeStep(lengthMs: number, count: number): number {
  const seconds = SECONDS.find((each) => each * 1000 * count >= lengthMs);
  return (seconds ?? Math.ceil(lengthMs / count / 3_600_000) * 3600) * 1000;
}

/** With one digit after the point: tenths of a pixel are seen by nobody. */
export function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
