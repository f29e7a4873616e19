/**
 * Colours for people on a terminal.
 *
 * @module
 */

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** SGR parameters that begin and end a style (ECMA-48, 8.3.117). */
const CODES: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/** Puts a text in a style; leaves it as it is when there are no colours. */
export type Paint = (style: Style | undefined, text: string) => string;

export function paintFor(host: { readonly colours: boolean }): Paint {
  return (style, text) => {
    if (!host.colours || style === undefined) return text;
    const [begin, end] = CODES[style];
    return `\x1b[${begin}m${text}\x1b[${end}m`;
  };
}

/**
 * The text without control and invisible characters. Reasons come from agents, and an agent that was
 * taken over must not be able to command the terminal of whoever looks.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, "?");
}
