import { LabUsageError } from "../options.ts";

/** What a table of a run says of one subject, in the quantity's base unit: bytes, seconds, bits a second. */
export interface Figure {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Where a figure stands in what `bypath lab bench --markdown` wrote. */
export interface Place {
  readonly bench: string;
  readonly quantity: string;
  readonly subject: string;
}

const UNITS: Readonly<Record<string, number>> = {
  "Gbit/s": 1e9,
  "Mbit/s": 1e6,
  "kbit/s": 1e3,
  "/s": 1,
  s: 1,
  ms: 1e-3,
  "µs": 1e-6,
  ns: 1e-9,
  "%": 0.01,
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  "": 1,
};

/** The figures of one run, read back from its document. Pure. */
export class Measurements {
  /** The line that says on what it ran. */
  readonly machine: string;
  readonly cores: number;
  readonly #file: string;
  readonly #figures = new Map<string, Figure>();
  readonly #seconds = new Map<string, number>();

  /**
   * @param text as `bypath lab bench --markdown` prints it, formatted or not
   * @param file its name, for errors
   * @throws {LabUsageError} when it says nothing of a machine
   */
  constructor(text: string, file: string) {
    this.#file = file;
    const [head = "", ...sections] = text.split(/^## /m);
    this.machine = /^Machine: ([^]*?)\.\s+Versions:/m.exec(head)?.[1]?.replaceAll(/\s+/g, " ") ??
      "";
    this.cores = Number(/^(\d+) cores/.exec(this.machine)?.[1]);
    if (!(this.cores > 0)) {
      throw new LabUsageError(
        `Cannot read "${file}": not what "bypath lab bench --markdown" prints, make it with that`,
      );
    }
    for (const section of sections) this.#readSection(section);
  }

  /** @throws {LabUsageError} when the run has no such figure */
  figure(place: Place): Figure {
    const found = this.#figures.get(keyOf(place));
    if (found !== undefined) return found;
    const { bench, quantity, subject } = place;
    throw new LabUsageError(
      `Cannot take "${quantity}" of ${subject} from "${this.#file}": ` +
        `it has none, measure it with "bypath lab bench ${bench}"`,
    );
  }

  /** How long one load of a bench lasted, in seconds. */
  secondsOf(bench: string): number {
    return this.#seconds.get(bench) ?? NaN;
  }

  #readSection(section: string): void {
    const [bench = "", ...blocks] = section.split(/\n\s*\n/).map((block) => block.trim());
    let quantity = "";
    for (const block of blocks) {
      if (!block.startsWith("|")) {
        const line = block.replaceAll(/\s+/g, " ");
        const seconds = /turns? each, (\d+) s a load\./.exec(line)?.[1];
        if (seconds !== undefined) this.#seconds.set(bench, Number(seconds));
        quantity = /^(.*) \((?:more|less) is better\)\.$/.exec(line)?.[1] ?? "";
        continue;
      }
      if (quantity === "") continue;
      for (const row of block.split("\n").slice(2)) {
        const [, subject = "", ...cells] = row.split("|").map((cell) => cell.trim());
        const [median, least, most] = cells.map(parseFigure);
        if (median === undefined || least === undefined || most === undefined) continue;
        this.#figures.set(keyOf({ bench, quantity, subject }), { median, least, most });
      }
    }
  }
}

/** A quantity stands in the document as a sentence. */
function keyOf({ bench, quantity, subject }: Place): string {
  return [bench, quantity, subject].join("\n").toLowerCase();
}

/** `9.87 Gbit/s`, `24,300 /s`, `0.35 %`; undefined for what is none. */
function parseFigure(cell: string): number | undefined {
  const [, digits = "", unit = ""] = /^(-?[\d,]+(?:\.\d+)?) ?(\S*)$/.exec(cell) ?? [];
  const factor = UNITS[unit];
  return digits === "" || factor === undefined
    ? undefined
    : Number(digits.replaceAll(",", "")) * factor;
}
