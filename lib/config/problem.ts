/**
 * What is wrong with a configuration file, as values that can be printed or turned into JSON.
 *
 * @module
 */

/** One thing wrong (or worth knowing) at one place of a configuration file. */
export interface ConfigProblem {
  /** The file as the user named it. */
  readonly file: string;
  /** Counted from 1; 0 when the problem is the file itself (it cannot be read). */
  readonly line: number;
  /** Counted from 1; 0 like `line`. */
  readonly column: number;
  /** `services[0].servers[1].port`; empty for the document as a whole. */
  readonly key: string;
  readonly message: string;
  /** What was probably meant. */
  readonly suggestion?: string;
}

/** A configuration that cannot be used, with everything that is wrong with it. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join("\n"));
    this.problems = problems;
  }
}

/** `nat.yaml:12:5: services[0].schedular: unknown key, did you mean "scheduler"?` */
export function formatProblem(problem: ConfigProblem): string {
  const place = problem.line > 0
    ? `${problem.file}:${problem.line}:${problem.column}`
    : problem.file;
  const key = problem.key === "" ? "" : `${problem.key}: `;
  const hint = problem.suggestion === undefined ? "" : `, did you mean "${problem.suggestion}"?`;
  return `${place}: ${key}${problem.message}${hint}`;
}

/** Where a value stands in the document: the keys and indexes that lead to it. */
export type ConfigPath = readonly (string | number)[];

/** `["services", 0, "vip"]` as `services[0].vip`. */
export function formatPath(path: ConfigPath): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else text += text === "" ? part : `.${part}`;
  }
  return text;
}

/** Where a problem is, as fields of a log. */
export function placeOf({ file, line, column, key }: ConfigProblem) {
  return { file, line, column, key };
}
