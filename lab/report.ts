import { OutputClosed } from "../lib/linux/output_closed.ts";
import { alignColumns, type Palette, paletteFor } from "./terminal.ts";

/** One statement that holds or does not. */
export interface Check {
  readonly claim: string;
  readonly holds: boolean;
  /** What was measured instead, when it does not hold. */
  readonly found?: string;
}

/** What was told, for documents that are made of it afterwards. */
export type Told =
  | { readonly kind: "step"; readonly title: string }
  | { readonly kind: "say" | "aside"; readonly lines: readonly string[] }
  | {
    readonly kind: "table";
    readonly heading: readonly string[];
    readonly rows: readonly (readonly string[])[];
  }
  | { readonly kind: "check"; readonly check: Check };

export interface ReportOptions {
  /** Keeps the checks and figures and prints nothing. */
  readonly silent?: boolean;
}

/** Tells a story step by step on standard output, with figures and checks, and remembers both. */
export class Report {
  readonly checks: Check[] = [];
  readonly told: Told[] = [];
  readonly figures: Record<string, number | string> = {};
  readonly #palette: Palette = paletteFor(Deno.stdout);
  #silent: boolean;
  #steps = 0;
  #liveLine = false;

  constructor(options: ReportOptions = {}) {
    this.#silent = options.silent ?? false;
  }

  get palette(): Palette {
    return this.#palette;
  }

  get failed(): boolean {
    return this.checks.some((check) => !check.holds);
  }

  get steps(): number {
    return this.#steps;
  }

  title(text: string): void {
    this.#print(this.#palette.bold(text));
  }

  /** Begins a numbered step. */
  step(title: string): void {
    this.#steps++;
    this.told.push({ kind: "step", title });
    this.#print("");
    this.#print(
      `${this.#palette.cyan(`${this.#steps}`.padStart(2))}  ${this.#palette.bold(title)}`,
    );
  }

  /** Plain lines of the step. */
  say(...lines: string[]): void {
    this.told.push({ kind: "say", lines });
    for (const line of lines) this.#print(line === "" ? "" : `    ${line}`);
  }

  /** Lines that stand back: output of other programs, explanations. */
  aside(...lines: string[]): void {
    this.told.push({ kind: "aside", lines });
    for (const line of lines) this.#print(`    ${this.#palette.dim(line)}`);
  }

  /** Rows with aligned columns; the first is the heading. */
  table(heading: readonly string[], rows: readonly (readonly string[])[]): void {
    this.told.push({ kind: "table", heading, rows });
    const [first = "", ...rest] = alignColumns([heading, ...rows], { heading: true });
    this.#print(`      ${this.#palette.dim(first)}`);
    for (const line of rest) this.#print(`      ${line}`);
  }

  /** Names and values, one a line. */
  facts(rows: readonly (readonly [name: string, ...values: string[]])[]): void {
    const lines = alignColumns(rows);
    this.told.push({ kind: "aside", lines });
    for (const line of lines) this.#print(`      ${line}`);
  }

  /** Keeps a measured value under a name, for `--json`. */
  figure(name: string, value: number | string): void {
    this.figures[name] = value;
  }

  /** States a claim and whether it holds; `found` says what was there instead. */
  check(claim: string, holds: boolean, found = ""): boolean {
    const check = holds || found === "" ? { claim, holds } : { claim, holds, found };
    this.checks.push(check);
    this.told.push({ kind: "check", check });
    const { green, red } = this.#palette;
    this.#print(`    ${holds ? green("✓") : red("✗")} ${claim}`);
    if (!holds && found !== "") this.#print(`      ${red(`found: ${found}`)}`);
    return holds;
  }

  /** Shows a line on a terminal until the next one replaces it; nothing elsewhere. */
  live(line: string): void {
    if (this.#silent || !Deno.stdout.isTerminal()) return;
    this.#write(`\r      ${this.#palette.dim(line)}\x1b[K`);
    this.#liveLine = true;
  }

  /** Prints nothing from now on. */
  silence(): void {
    this.#silent = true;
  }

  #print(line: string): void {
    if (this.#silent) return;
    this.#write(`${this.#liveLine ? "\r\x1b[K" : ""}${line}\n`);
    this.#liveLine = false;
  }

  #write(text: string): void {
    const bytes = new TextEncoder().encode(text);
    try {
      for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      // What follows, such as what is removed at the end, is for nobody.
      this.silence();
      throw new OutputClosed();
    }
  }
}
