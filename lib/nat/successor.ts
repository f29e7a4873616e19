import type { Log } from "../control/log.ts";
import { selfCommand } from "../datapath/self_command.ts";

/**
 * Starts this program anew, as it is on the disk by now, to take over from this process; for SIGUSR2.
 * One at a time.
 */
export class Successor {
  readonly #configPath: string;
  readonly #log: Log;
  #isStarting = false;

  constructor(configPath: string, log: Log) {
    this.#configPath = configPath;
    this.#log = log;
  }

  /** Resolves when it has ended without success, or this process has. */
  async start(): Promise<void> {
    if (this.#isStarting) return;
    this.#isStarting = true;
    try {
      const [program, ...args] = selfCommand();
      const child = new Deno.Command(program!, {
        args: [
          ...args,
          "nat",
          "run",
          "--takeover",
          "--config",
          this.#configPath,
          ...this.#log.arguments,
        ],
        stdin: "null",
        stdout: "inherit",
        stderr: "inherit",
      }).spawn();
      this.#log.info(`Started process ${child.pid} to take over`);
      // It outlives this process.
      child.unref();
      const { code } = await child.status;
      this.#log.warn(`Process ${child.pid} ended with status ${code}, this one goes on`);
    } catch (error) {
      this.#log.error(`Cannot start another process: ${(error as Error).message}`);
    } finally {
      this.#isStarting = false;
    }
  }
}
