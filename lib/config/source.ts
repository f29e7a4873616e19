import {
  type Document,
  isAlias,
  isMap,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
} from "yaml";
import { ConfigError, type ConfigPath, type ConfigProblem, formatPath } from "./problem.ts";

/** What a problem says besides its place. */
export interface ProblemOptions {
  readonly suggestion?: string | undefined;
}

/** A YAML text that was read, and where in it each key stands. */
export class ConfigSource {
  readonly file: string;
  /** The document as plain objects, lists and scalars. */
  readonly value: unknown;
  readonly #document: Document;
  readonly #lines: LineCounter;

  private constructor(file: string, document: Document, lines: LineCounter) {
    this.file = file;
    this.#document = document;
    this.#lines = lines;
    this.value = document.toJS();
  }

  /**
   * Reads one YAML 1.2 document.
   *
   * @throws ConfigError when the text is not YAML, is empty, or is no map of keys
   */
  static parse(file: string, text: string): ConfigSource {
    const lines = new LineCounter();
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
    const broken = [...document.errors, ...document.warnings];
    if (broken.length > 0) {
      throw new ConfigError(broken.map((error) => {
        const { line, col } = lines.linePos(error.pos[0]);
        const message = error.message.replaceAll(/\s*\n\s*/g, " ");
        const hint = quotesNeeded(text.split("\n")[line - 1] ?? "");
        return { file, line, column: col, key: "", message: `not YAML: ${message}${hint}` };
      }));
    }
    if (!isMap(document.contents)) {
      const message = document.contents !== null
        ? "expected keys with values, one a line"
        : /\S/.test(text)
        ? 'the file holds comments alone: take away the "#" in front of the keys that are to hold'
        : "the file is empty";
      throw new ConfigError([{ file, line: 1, column: 1, key: "", message }]);
    }
    try {
      return new ConfigSource(file, document, lines);
    } catch (error) {
      // The one thing that is found only now: an alias that stands for too much (a "billion laughs" document).
      const message = `not YAML: ${(error as Error).message}`;
      throw new ConfigError([{ file, line: 1, column: 1, key: "", message }]);
    }
  }

  /** A problem with the value at `path`, or where it should be when it is missing. */
  problem(path: ConfigPath, message: string, options: ProblemOptions = {}): ConfigProblem {
    const { line, col } = this.#lines.linePos(this.#offsetOf(path));
    const { suggestion } = options;
    return {
      file: this.file,
      line,
      column: col,
      key: formatPath(path),
      message,
      ...(suggestion === undefined ? {} : { suggestion }),
    };
  }

  /** Where the last key of the path stands, or the nearest thing around it that is there. */
  #offsetOf(path: ConfigPath): number {
    let node: unknown = this.#document.contents;
    let offset = 0;
    for (const part of path) {
      if (isAlias(node)) node = node.resolve(this.#document);
      if (isMap(node)) {
        const pair: Pair | undefined = node.items.find((item) =>
          keyText(item.key) === String(part)
        );
        if (pair === undefined) break;
        offset = (pair.key as Node).range?.[0] ?? offset;
        node = pair.value;
      } else if (isSeq(node)) {
        node = node.items[Number(part)];
        if (node === undefined) break;
        offset = (node as Node).range?.[0] ?? offset;
      } else {
        break;
      }
    }
    return offset;
  }
}

/** YAML takes the brackets of `[2001:db8::1]:7400` for a list. */
function quotesNeeded(line: string): string {
  const endpoint = /(?<!["'])\[[\da-f:.]*:[\da-f:.]*\]:\d+/i.exec(line)?.[0];
  return endpoint === undefined ? "" : `; write "${endpoint}" with its quotes`;
}

function keyText(key: unknown): string {
  return String((key as { value?: unknown } | null)?.value ?? key);
}
