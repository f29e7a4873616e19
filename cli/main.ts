import { createProgram } from "./program.ts";
import { exitStatusOf } from "./exit_status.ts";

/** Parses, runs, and tells the exit status: 0 done, 1 failed while running, 2 wrong usage or configuration. */
async function main(args: string[]): Promise<number> {
  try {
    await createProgram().parseAsync(args, { from: "user" });
    return Deno.exitCode;
  } catch (error) {
    return exitStatusOf(error);
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
