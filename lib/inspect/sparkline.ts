const BLOCKS = "▁▂▃▄▅▆▇█";

/** Numbers as a row of blocks, newest at the right, the largest as high as it goes; always `width` wide. */
export function sparkline(values: readonly number[], width: number): string {
  if (width <= 0) return "";
  const shown = values.slice(-width);
  const most = Math.max(...shown, 0);
  const block = (value: number) => {
    const part = most === 0 ? 0 : Math.max(0, value) / most;
    // What is not nothing shows as more than nothing.
    const step = part === 0 ? 0 : Math.max(1, Math.round(part * (BLOCKS.length - 1)));
    return BLOCKS[step]!;
  };
  return shown.map(block).join("").padStart(width);
}
