/**
 * HTML and SVG as text. What is put into a template is escaped, here and nowhere else; only what came
 * from a template, or was said to be {@linkcode trusted}, goes in as it is.
 *
 * ```ts
 * markup`<td title="${name}">${rate}</td>`;
 * ```
 *
 * @module
 */

/** What a template may hold; nothing is made of null and false. */
export type Piece = string | number | Markup | null | false | readonly Piece[];

/** A text that is HTML or SVG. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A template of HTML or SVG. Attributes must be in double quotes. */
export function markup(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Markup {
  let text = strings[0]!;
  for (let i = 0; i < pieces.length; i++) text += textOf(pieces[i]!) + strings[i + 1]!;
  return new Markup(text);
}

/** A text of this program's own that is HTML, SVG or CSS already. */
export function trusted(text: string): Markup {
  return new Markup(text);
}

function textOf(piece: Piece): string {
  if (piece === null || piece === false) return "";
  if (typeof piece === "number") return String(piece);
  if (typeof piece === "string") return escaped(piece);
  return piece instanceof Markup ? piece.text : piece.map(textOf).join("");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Also without control and invisible characters, which could turn the text around them about. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!)
    .replace(/[\p{Cc}\p{Cf}]/gu, (character) => character === "\n" ? character : "?");
}
