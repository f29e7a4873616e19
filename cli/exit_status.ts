import { CommanderError } from "@commander-js/extra-typings";
import { ConfigError } from "../lib/config/problem.ts";
import { OutputClosed } from "../lib/linux/output_closed.ts";
import { writeAll } from "./command.ts";

/** Tells on standard error what went wrong, in one line where it is one thing, and gives the exit status. */
export function exitStatusOf(error: unknown): number {
  // Its message, or the help that was asked for, is printed already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  // Nobody reads what would be printed: as if it had been ended by SIGPIPE, with 13.
  if (error instanceof OutputClosed) return 128 + 13;
  if (error instanceof ConfigError) {
    writeAll(Deno.stderr, `${error.message}\n`);
    return 2;
  }
  const message = error instanceof Error ? error.message : String(error);
  writeAll(Deno.stderr, `bypath: ${message.replaceAll(/\s*\n\s*/g, " ")}\n`);
  if (Deno.env.get("BYPATH_DEBUG") && error instanceof Error) {
    writeAll(Deno.stderr, `${error.stack}\n`);
  }
  return 1;
}
