/**
 * Text and blocks of a manual page in the language of man(7).
 *
 * @module
 */

/** Text as it is: no request, no escape, and "-" as on a keyboard, so that it can be copied. */
export function plain(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("'", "\\(aq")
    .replaceAll(/^\./gm, "\\&.").replaceAll("`", "\\(ga").replaceAll("^", "\\(ha")
    .replaceAll("~", "\\(ti");
}

/** Prose: hyphens between letters stay hyphens; what stands in backquotes is bold. */
export function prose(text: string): string {
  return text.split(/`([^`]*)`/).map((part, index) => index % 2 === 1 ? bold(part) : plain(part))
    .join("");
}

export const bold = (text: string): string => `\\fB${plain(text)}\\fR`;

/** `--config <file>` with the words that stay as they are in bold and the others in italics. */
export function term(text: string): string {
  return text.split(/(<[^>]+>|\[[^\]]+\]|[A-Z][A-Z0-9:…]+\b)/).map((part, index) => {
    if (index % 2 === 0) return part.trim() === "" ? part : bold(part);
    if (part.startsWith("[")) return `[${italic(part.slice(1, -1))}]`;
    return italic(part.startsWith("<") ? part.slice(1, -1) : part);
  }).join("");
}

const italic = (text: string): string => `\\fI${plain(text)}\\fR`;

/** The top of a page. */
export interface PageTitle {
  /** `bypath-nat`, and the section of the manual. */
  readonly name: string;
  readonly section: number;
  readonly summary: string;
  readonly version: string;
  /** `2026-01-31`. */
  readonly date: string;
}

export function header({ name, section, summary, version, date }: PageTitle): string {
  return `.TH ${name.toUpperCase()} ${section} ${date} "bypath ${version}" "bypath manual"\n` +
    section_("NAME") + `${plain(name)} \\- ${prose(withoutStop(summary))}\n`;
}

const withoutStop = (text: string) => text.replace(/\.$/, "");

const section_ = (title: string) => `.SH ${title}\n`;

/** A section with a title in capitals. */
export const section = (title: string, ...blocks: string[]): string =>
  section_(title) + blocks.join("");

export const subsection = (title: string, ...blocks: string[]): string =>
  `.SS "${plain(title)}"\n${blocks.join("")}`;

/** Paragraphs, one a text, the first without space above: a title stands there. */
export const paragraphs = (first: string, ...others: string[]): string =>
  [`${prose(first)}\n`, ...others.map((text) => `.PP\n${prose(text)}\n`)].join("");

/** A word of a list and what it means. */
export const item = (label: string, meaning: string): string =>
  `.TP\n${label}\n${meaning === "" ? "\\&" : prose(meaning)}\n`;

/** Lines as they stand, indented, directly below what stands before. */
export const verbatim = (text: string): string =>
  `.RS 4\n.nf\n${plain(text.trimEnd())}\n.fi\n.RE\n`;
