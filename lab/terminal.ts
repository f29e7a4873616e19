/** Colours for people on a terminal; plain text for files, pipes and with NO_COLOR. */
export interface Palette {
  bold(text: string): string;
  dim(text: string): string;
  green(text: string): string;
  red(text: string): string;
  cyan(text: string): string;
}

export function paletteFor(stream: { isTerminal(): boolean }): Palette {
  const enabled = stream.isTerminal() && !Deno.noColor;
  const style = (open: number, close: number) => (text: string) =>
    enabled ? `\x1b[${open}m${text}\x1b[${close}m` : text;
  return {
    bold: style(1, 22),
    dim: style(2, 22),
    green: style(32, 39),
    red: style(31, 39),
    cyan: style(36, 39),
  };
}

/**
 * Rows to lines with aligned columns, two spaces between them. Columns of numbers go right, and so does
 * what stands above them when the first row is a heading.
 */
export function alignColumns(
  rows: readonly (readonly string[])[],
  options: { readonly heading?: boolean } = {},
): string[] {
  const widths: number[] = [];
  const numeric: boolean[] = [];
  rows.forEach((row, index) =>
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
      if (index === 0 && options.heading) return;
      numeric[column] = (numeric[column] ?? true) && /^[\d,.]+( \S+)?$/.test(cell);
    })
  );
  return rows.map((row) =>
    row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return numeric[column] ? cell.padStart(width) : cell.padEnd(width);
    }).join("  ").trimEnd()
  );
}

/** 1234567 to `1,234,567`. */
export function formatCount(value: number): string {
  return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Bytes to `12.3 MB`, in powers of ten, as files and links are counted. */
export function formatBytes(bytes: number): string {
  if (bytes < 1e3) return `${Math.round(bytes)} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

/** A share of 0 to 1 to `0.42 %`. */
export function formatShare(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 2 : 1)} %`;
}

/** Bits a second to `9.87 Gbit/s`. */
export function formatRate(bitsPerSecond: number): string {
  if (bitsPerSecond < 1e6) return `${(bitsPerSecond / 1e3).toFixed(1)} kbit/s`;
  if (bitsPerSecond < 1e9) return `${(bitsPerSecond / 1e6).toFixed(0)} Mbit/s`;
  return `${(bitsPerSecond / 1e9).toFixed(2)} Gbit/s`;
}

export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 1)} s`;
}
