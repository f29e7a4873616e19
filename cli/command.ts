import { LOG_FORMATS, LOG_LEVELS } from "../lib/control/log.ts";
import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";

/** What `--help` says of a command. */
export interface CommandHelp {
  /** One line, for the list of commands and the top of the help. */
  readonly summary: string;
  /** Works as printed, in a POSIX shell. */
  readonly example: string;
}

const examples = new WeakMap<object, string>();

/** The example in a command's help, whoever asks for it: a shell, a manual page. */
export const exampleOf = (command: object): string | undefined => examples.get(command);

/** A command with what all of them share: where output goes, how errors look, an example in the help. */
export function command<Name extends string>(name: Name, { summary, example }: CommandHelp) {
  const made = new Command(name)
    .description(summary)
    .helpOption("-h, --help", "show this help")
    .helpCommand(false)
    .exitOverride()
    .addHelpText("after", `\nExample:\n${example.replaceAll(/^/gm, "  ")}`);
  examples.set(made, example);
  return made.configureOutput({
    writeOut: (text) => writeAll(Deno.stdout, text),
    writeErr: (text) => writeAll(Deno.stderr, text),
    getOutHelpWidth: helpWidth,
    getErrHelpWidth: helpWidth,
    outputError: (text, write) => write(`${fullName(made)}: ${oneLine(text)}\n`),
  });
}

/** A command that only holds others. */
export function group<Name extends string>(name: Name, help: CommandHelp) {
  return command(name, help).usage("COMMAND");
}

/** What commander gives a command's parents; enough of it to find the name. */
interface Named {
  name(): string;
  readonly parent: Named | null;
}

function fullName(named: Named): string {
  return named.parent === null ? named.name() : `${fullName(named.parent)} ${named.name()}`;
}

/** `error: unknown option '--x'\n(Did you mean --y?)` as `unknown option '--x', did you mean --y?` */
function oneLine(text: string): string {
  return text.trim().replace(/^error: /, "")
    .replace(/\n\(Did you mean ([^)]*)\)/, ", did you mean $1")
    .replaceAll(/\s*\n\s*/g, " ");
}

function helpWidth(): number {
  try {
    return Math.min(Deno.consoleSize().columns, 100);
  } catch {
    return 100; // No terminal.
  }
}

/** Writes the whole text before it returns, so that nothing is lost when the program exits next. */
export function writeAll(file: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let bytes = new TextEncoder().encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(file.writeSync(bytes));
  } catch (error) {
    // Whoever read the output has seen enough (`bypath --help | head -1`).
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** As much of a command as it takes to refuse its arguments. */
export interface Refusing {
  error(message: string): never;
}

/**
 * The value of an option that must be given. Asked by the command's action, after commander has looked for unknown
 * options: whoever wrote `--confg` is told so, and not that `--config` is missing.
 */
export function required<Value>(
  command: Refusing,
  flags: string,
  value: Value | undefined,
): Value {
  if (value === undefined) command.error(`needs ${flags}`);
  return value;
}

const CONFIG = "--config <file>";

export const configOption = () => new Option(CONFIG, "configuration file (required)");
export const configPathOf = (command: Refusing, options: { config?: string | undefined }) =>
  required(command, CONFIG, options.config);
export const logFormatOption = () =>
  new Option("--log <format>", "how what happens is told on stderr").choices(LOG_FORMATS)
    .default("text" as const);
export const logLevelOption = () =>
  new Option("--log-level <level>", "the least that is told; debug has every event")
    .choices(LOG_LEVELS).default("info" as const);
export const jsonOption = () => new Option("--json", "print JSON");
export const socketOption = () =>
  new Option("--socket <path>", "control socket of the running program");

/** For options that take a count. */
export function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || !Number.isSafeInteger(count)) {
    throw new InvalidArgumentError("Not a whole number from 1 on.");
  }
  return count;
}
