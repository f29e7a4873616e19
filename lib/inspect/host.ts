/**
 * Where the commands write and what they know of it, so that a test can stand in for a terminal.
 *
 * @module
 */

import { OutputClosed } from "../linux/output_closed.ts";

export interface InspectHost {
  /** Results, to stdout. @throws {OutputClosed} when nobody reads them any more */
  write(text: string): Promise<void>;
  /** Everything else, to stderr; one line. */
  complain(line: string): void;
  /** Width of the terminal in characters; Infinity when the output is no terminal. */
  readonly columns: number;
  /** Most rows of a table; Infinity: all. */
  readonly tableRows: number;
  /** Lines of the terminal; Infinity when the output is no terminal. */
  readonly lines: number;
  /** Whether colours may be used. */
  readonly colours: boolean;
  /** Where the daemons listen when no `--socket` is given. */
  readonly natSocket: string;
  readonly agentSocket: string;
  /** How long `status` watches the counters to tell rates. */
  readonly rateMs: number;
  /** How long a daemon may take to answer a question. */
  readonly answerMs: number;
}

/** This process's stdout and stderr. */
export function processHost(): InspectHost {
  const terminal = Deno.stdout.isTerminal();
  return {
    write: writeToStdout,
    complain: (line) => console.error(line),
    get columns() {
      return terminal ? terminalSize().columns : Infinity;
    },
    get lines() {
      return terminal ? terminalSize().rows : Infinity;
    },
    tableRows: Infinity,
    colours: terminal && !Deno.noColor,
    natSocket: "/run/bypath/nat.sock",
    agentSocket: "/run/bypath/agent.sock",
    rateMs: 500,
    answerMs: 5000,
  };
}

async function writeToStdout(text: string): Promise<void> {
  let rest = new TextEncoder().encode(text);
  try {
    while (rest.length > 0) rest = rest.subarray(await Deno.stdout.write(rest));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosed();
    throw error;
  }
}

/** Some terminals, such as those of CI, say that they have no width. */
function terminalSize(): { columns: number; rows: number } {
  try {
    const { columns, rows } = Deno.consoleSize();
    return { columns: columns || Infinity, rows: rows || Infinity };
  } catch {
    return { columns: Infinity, rows: Infinity };
  }
}
