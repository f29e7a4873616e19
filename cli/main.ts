/** Parses, runs, and tells the exit status: 0 done, 1 failed while running, 2 wrong usage or configuration. */
async function main(args: string[]): Promise<number> {
  try {
    // No command for people. It runs as long as an agent, and without the others it is half as large.
    if (args[0] === "agent" && args[1] === "watchdog") {
      const { runWatchdog } = await import("../lib/agent/watchdog.ts");
      return runWatchdog(args.slice(2));
    }
    const { createProgram } = await import("./program.ts");
    await createProgram().parseAsync(args, { from: "user" });
    return Deno.exitCode;
  } catch (error) {
    const { exitStatusOf } = await import("./exit_status.ts");
    return exitStatusOf(error);
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
