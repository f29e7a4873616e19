/** A program on the host, run to its end, with what it printed. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface HostCommandOptions {
  /** Written to the program's standard input. */
  readonly input?: string;
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  readonly signal?: AbortSignal;
}

/** A program of the host failed or does not exist. */
export class HostCommandError extends Error {
  override readonly name = "HostCommandError";
}

/**
 * Runs a program to its end and returns what it printed, whatever its exit status.
 *
 * @throws {HostCommandError} when the program cannot be started
 */
export async function runHost(
  argv: readonly string[],
  options: HostCommandOptions = {},
): Promise<CommandResult> {
  const [program, ...args] = argv;
  if (program === undefined) throw new TypeError("Cannot run a command: it is empty");
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args,
      stdin: options.input === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
      ...(options.env && { env: options.env }),
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      ...(options.signal && { signal: options.signal }),
    }).spawn();
  } catch (cause) {
    const hint = program === "ip" ? ", install iproute2" : "";
    const why = cause instanceof Deno.errors.NotFound ? `no such program${hint}` : String(cause);
    throw new HostCommandError(`Cannot run "${program}": ${why}`, { cause });
  }
  const output = child.output();
  if (options.input !== undefined) {
    const writer = child.stdin.getWriter();
    try {
      await writer.write(new TextEncoder().encode(options.input));
      await writer.close();
    } catch {
      // The program ended without reading: its exit status and stderr tell the story.
    }
  }
  const { code, stdout, stderr } = await output;
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/**
 * Runs a program that has to succeed, and returns its standard output.
 *
 * @throws {HostCommandError} with the program's own words when it fails
 */
export async function mustRunHost(
  argv: readonly string[],
  options: HostCommandOptions = {},
): Promise<string> {
  const result = await runHost(argv, options);
  if (result.code !== 0) {
    const words = (result.stderr || result.stdout).trim().split("\n").slice(-3).join("; ");
    throw new HostCommandError(`${argv.join(" ")}: ${words || `exit status ${result.code}`}`);
  }
  return result.stdout;
}

/** Whether a program of that name is in the search path. */
export async function haveProgram(name: string): Promise<boolean> {
  for (const folder of `${Deno.env.get("PATH") ?? ""}:/usr/sbin:/sbin`.split(":")) {
    if (folder === "") continue;
    try {
      const info = await Deno.stat(`${folder}/${name}`);
      if (info.isFile && ((info.mode ?? 0) & 0o111) !== 0) return true;
    } catch {
      // Not in this folder.
    }
  }
  return false;
}
