import { type LabCommandName, type LabCommandOptions, LabUsageError } from "./options.ts";

export type { LabCommandName, LabCommandOptions } from "./options.ts";

/**
 * Runs one of the `bypath lab` commands.
 *
 * @returns the exit status: 0 done, 1 failed or a check did not hold, 2 wrong usage
 */
export async function labCommand(
  command: LabCommandName,
  options: LabCommandOptions = {},
): Promise<number> {
  try {
    switch (command) {
      case "up":
        return await (await import("./commands.ts")).up(options);
      case "down":
        return await (await import("./commands.ts")).down(options);
      case "status":
        return await (await import("./commands.ts")).status(options);
      case "exec":
        return await (await import("./commands.ts")).exec(options);
      case "run":
        return await (await import("./run.ts")).run(options);
      case "demo":
        return await (await import("./demo.ts")).demo(options);
      case "traffic":
        return await (await import("./traffic/main.ts")).traffic(options.args ?? []);
      case "bench":
        return await (await import("./bench/run.ts")).bench(options);
      case "scaling":
        return await (await import("./scaling/scaling.ts")).scaling(options);
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (error instanceof LabUsageError) {
      console.error(error.message);
      return 2;
    }
    const { HostCommandError } = await import("./host_command.ts");
    const { LabError } = await import("./namespace.ts");
    const { LabProcessError } = await import("./lab_process.ts");
    for (const known of [HostCommandError, LabError, LabProcessError]) {
      if (error instanceof known) {
        console.error(error.message);
        return 1;
      }
    }
    throw error;
  }
}
