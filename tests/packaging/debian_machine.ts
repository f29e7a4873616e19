import { fileURLToPath } from "node:url";
import type { Lab } from "../../lab/lab.ts";
import { type CommandResult, mustRunHost, runHost } from "../../lab/host_command.ts";
import type { LabProcess } from "../../lab/lab_process.ts";
import type { NodeName } from "../../lab/topology.ts";
import { waitFor } from "../../lab/wait.ts";

const SCRIPT = fileURLToPath(new URL("start_machine.sh", import.meta.url));

/**
 * A Debian machine in a node of a lab, with systemd as its init: this host's files, none of its
 * services, and nothing that it writes outlives it. Dispose of it before the lab.
 */
export class DebianMachine implements AsyncDisposable {
  readonly #process: LabProcess;
  readonly #cgroup: string;
  readonly #init: number;

  private constructor(process: LabProcess, cgroup: string, init: number) {
    this.#process = process;
    this.#cgroup = cgroup;
    this.#init = init;
  }

  static async start(lab: Lab, node: NodeName): Promise<DebianMachine> {
    const cgroup = `bypath-machine-${Deno.pid}-${node}`;
    const process = lab.start(node, [SCRIPT, cgroup]);
    const init = await waitFor("the machine's init", () => {
      process.mustRun();
      return initBelow(process.pid);
    });
    const machine = new DebianMachine(process, cgroup, init);
    try {
      await waitFor("the machine to be up", async () => {
        process.mustRun();
        // "degraded" is up: a unit of the host's own may not do in here.
        const { stdout } = await machine.run(["systemctl", "is-system-running"]);
        return /^(running|degraded)$/m.test(stdout);
      }, { timeoutMs: 60_000, everyMs: 100 });
    } catch (error) {
      await machine[Symbol.asyncDispose]();
      throw error;
    }
    return machine;
  }

  /** The machine's `path`, as it is to be found from this host. */
  path(path: string): string {
    return `/proc/${this.#init}/root${path}`;
  }

  /** The command that runs a program in here, as root. */
  command(argv: readonly string[]): string[] {
    return [...this.#enter(), ...argv];
  }

  /** Runs a program as root, whatever its exit status. */
  async run(argv: readonly string[], input?: string): Promise<CommandResult> {
    return await runHost(this.command(argv), input === undefined ? {} : { input });
  }

  /** Runs a program that has to succeed; returns its standard output. */
  async mustRun(argv: readonly string[]): Promise<string> {
    return await mustRunHost(this.command(argv));
  }

  async exists(path: string): Promise<boolean> {
    return (await this.run(["test", "-e", path])).code === 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A signal to unshare would not reach its init, and init's end is that of all that runs in it.
    if (this.#process.running) Deno.kill(this.#init, "SIGKILL");
    await this.#process.ended;
    await mustRunHost(["unshare", "--mount", "sh", "-ec", REMOVE_CGROUP, "sh", this.#cgroup]);
  }

  #enter(): string[] {
    const namespaces = ["--mount", "--pid", "--uts", "--ipc", "--cgroup", "--net"];
    return [
      ...["nsenter", `--target=${this.#init}`, ...namespaces, "--root"],
      ...[
        "env",
        "-i",
        "--chdir=/",
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL=C.UTF-8",
        "HOME=/root",
        "TERM=dumb",
      ],
    ];
  }
}

/** Its processes are gone with their init, but the kernel may take a moment. */
const REMOVE_CGROUP = `
folder=$(mktemp -d)
mount -t cgroup2 cgroup2 "$folder"
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  [ -d "$folder/$1" ] || break
  find "$folder/$1" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
done
[ ! -d "$folder/$1" ]
umount "$folder"
rmdir "$folder"
`;

/** The child of a process that is the first one in a namespace of its own; null: not yet. */
function initBelow(pid: number): number | null {
  const children = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).trim();
  return children.split(" ").map(Number).find((child) => child > 0 && isInit(child)) ?? null;
}

function isInit(pid: number): boolean {
  try {
    return /^NSpid:.*\t1$/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false; // It has ended: what the script runs before.
  }
}
