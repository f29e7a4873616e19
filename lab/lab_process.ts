import { LineBuffer } from "./line_buffer.ts";

export interface LabProcessOptions {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
}

export interface WaitForLineOptions {
  /** Default: stdout. */
  readonly stream?: "stdout" | "stderr";
  /** Default: 30 seconds, for a busy host. */
  readonly timeoutMs?: number;
  readonly after?: number;
}

/** A program that does not do what was waited for; the message ends with its last words. */
export class LabProcessError extends Error {
  override readonly name = "LabProcessError";
}

/** How long a program gets between SIGTERM and SIGKILL. */
const PATIENCE_MS = 10_000;

/**
 * A program running in the lab. Its output is read all the time, so that it never blocks on a full
 * pipe. Disposal ends it.
 */
export class LabProcess {
  readonly #child: Deno.ChildProcess;
  readonly #title: string;
  readonly stdout = new LineBuffer();
  readonly stderr = new LineBuffer();
  /** Settles when the program has ended and all its output was read. */
  readonly ended: Promise<Deno.CommandStatus>;
  #status: Deno.CommandStatus | null = null;

  constructor(argv: readonly string[], title: string, options: LabProcessOptions = {}) {
    const [program, ...args] = argv;
    if (program === undefined) throw new TypeError("Cannot start a program: the command is empty");
    this.#title = title;
    this.#child = new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      ...(options.env && { env: options.env }),
      ...(options.cwd !== undefined && { cwd: options.cwd }),
    }).spawn();
    const read = Promise.all([
      this.stdout.readFrom(this.#child.stdout),
      this.stderr.readFrom(this.#child.stderr),
    ]);
    this.ended = this.#child.status.then(async (status) => {
      await read;
      this.#status = status;
      return status;
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  get running(): boolean {
    return this.#status === null;
  }

  /** @throws {LabProcessError} with its last words, when a program that should go on has ended */
  mustRun(): void {
    if (!this.running) throw this.#failure("ended, but should go on");
  }

  /** Sends a signal; nothing happens when the program has ended. */
  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // Ended already.
    }
  }

  /** SIGTERM, and SIGKILL to one that does not listen. */
  async stop(): Promise<Deno.CommandStatus> {
    this.kill("SIGTERM");
    const timer = setTimeout(() => this.kill("SIGKILL"), PATIENCE_MS);
    try {
      return await this.ended;
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Waits for a line of standard output or standard error, earlier lines included unless they come
   * before the mark `after` (a value of `LineBuffer.seen`).
   *
   * @throws {LabProcessError} when the program ends or the time is over before it appears
   */
  async waitForLine(
    matches: (line: string) => boolean,
    options: WaitForLineOptions = {},
  ): Promise<string> {
    const { stream = "stdout", timeoutMs = 30_000, after = 0 } = options;
    const line = await this[stream].find(matches, { timeoutMs, after });
    if (line !== null) return line;
    if (this.running) {
      throw this.#failure(`did not say what was waited for within ${timeoutMs / 1000} s`);
    }
    throw this.#failure("ended before it said what was waited for");
  }

  /**
   * Waits for the end of a program that has to succeed.
   *
   * @returns its lines of standard output
   * @throws {LabProcessError} when it fails or takes longer than the time given
   */
  async finish(timeoutMs = 60_000): Promise<readonly string[]> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), timeoutMs);
    });
    const status = await Promise.race([this.ended, late]);
    clearTimeout(timer);
    if (status === null) {
      this.kill("SIGKILL");
      throw this.#failure(`did not end within ${timeoutMs / 1000} s`);
    }
    if (!status.success) {
      throw this.#failure(
        status.signal === null ? `failed, exit status ${status.code}` : `ended by ${status.signal}`,
      );
    }
    return this.stdout.lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #failure(what: string): LabProcessError {
    const words = this.stderr.lines.slice(-8).map((line) => `\n    ${line}`).join("");
    return new LabProcessError(`${this.#title} ${what}${words}`);
  }
}
