import type { z } from "zod";
import { cannotRead, pemFault, type PemFile, readableByAll } from "./files.ts";
import { ConfigError, type ConfigPath, type ConfigProblem } from "./problem.ts";
import { type Draft, type LaterKeys, readDocument } from "./read.ts";
import { ConfigSource } from "./source.ts";

/** The text of a configuration file, and its path as the user gave it. */
export interface ConfigText {
  readonly file: string;
  readonly text: string;
}

/**
 * Reads a configuration file.
 *
 * @throws ConfigError when it cannot be read
 */
export function readConfigText(file: string): ConfigText {
  try {
    return { file, text: Deno.readTextFileSync(file) };
  } catch (error) {
    const message = cannotRead(file, error);
    throw new ConfigError([{ file, line: 0, column: 0, key: "", message }]);
  }
}

/** What a kind of configuration file has besides its schema. */
export interface ConfigKind<S extends z.ZodObject> {
  readonly schema: S;
  readonly later?: LaterKeys;
  /** Reports what is wrong between values. */
  check?(draft: Draft<z.output<S>>, report: (path: ConfigPath, message: string) => void): void;
  /** The files that the document names. */
  pemFiles(draft: Draft<z.output<S>>): PemFile[];
}

/** A document without mistakes, and what is worth knowing about it. */
export interface CheckedDocument<T> {
  readonly document: T;
  readonly notices: readonly ConfigProblem[];
}

/**
 * Reads and checks a whole configuration.
 *
 * @throws ConfigError with everything that is wrong, in the order of the file
 */
export function checkDocument<S extends z.ZodObject>(
  { file, text }: ConfigText,
  kind: ConfigKind<S>,
): CheckedDocument<z.output<S>> {
  const source = ConfigSource.parse(file, text);
  const { problems, draft, value } = readDocument(kind.schema, source, kind.later);
  kind.check?.(draft, (path, message) => problems.push(source.problem(path, message)));
  const notices: ConfigProblem[] = [];
  for (const pem of kind.pemFiles(draft)) {
    const fault = pemFault(pem);
    if (fault !== null) problems.push(source.problem(pem.at, fault));
    else if (pem.holds === "private key" && readableByAll(pem.path)) {
      notices.push(source.problem(pem.at, `"${pem.path}" can be read by every user of this host`));
    }
  }
  if (problems.length > 0 || value === undefined) {
    throw new ConfigError(problems.sort((a, b) => a.line - b.line || a.column - b.column));
  }
  return { document: value, notices };
}
