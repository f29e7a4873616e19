import { fileURLToPath } from "node:url";
import { BypathLab } from "../../lab/bypath_lab.ts";
import { defaultAgentYaml, writeAgentYaml } from "../../lab/lab_files.ts";
import type { LabProcess } from "../../lab/lab_process.ts";
import { waitFor } from "../../lab/wait.ts";
import { ask } from "../../lib/control/admin_client.ts";
import { confined, deniedCalls, giveToUser, readUnit, type Unit } from "./confinement.ts";
import { NotifySocket } from "./notify_socket.ts";

const EXECUTABLE = Deno.env.get("BYPATH_EXECUTABLE") ||
  fileURLToPath(new URL("../../dist/bypath", import.meta.url));
const UNITS = fileURLToPath(new URL("../../docs/systemd/", import.meta.url));
const PATIENCE = { timeoutMs: 60_000, everyMs: 50 };
/** Of systemd; asked for its half. */
const WATCHDOG_MS = 2_000;

/** A daemon that runs as its unit has it, and what it tells the service manager. */
export interface Daemon {
  readonly process: LabProcess;
  /** Of the daemon itself: strace stands before it. */
  readonly pid: number;
  readonly notify: NotifySocket;
  readonly folder: string;
  readonly unit: Unit;
  /** Calls that were refused, and the address families of its sockets. */
  behaviour(): Promise<{ refused: string[]; families: string[] }>;
  ask<T>(verb: string): Promise<T>;
}

/** A lab with daemons in it that run as their units have them. */
export class UnitLab implements AsyncDisposable {
  readonly bypath: BypathLab;
  readonly #made: { notify: NotifySocket; process: LabProcess }[] = [];
  readonly #folders: string[] = [];
  #count = 0;

  private constructor(bypath: BypathLab) {
    this.bypath = bypath;
  }

  static async up(): Promise<UnitLab> {
    const bypath = await BypathLab.up();
    await bypath.startServers();
    return new UnitLab(bypath);
  }

  /** The NAT machine, with one server whose sessions bypass at once; returns when it is ready. */
  async startNat(): Promise<Daemon> {
    await this.bypath.writeNatConfig((config) => {
      const web = config.services[0]!;
      config.services = [{ ...web, servers: web.servers.slice(0, 1) }];
      config.services[0]!.bypass = { start: { immediately: true } };
    });
    return await this.#start("nat", "nat", await this.#newFolder("nat"));
  }

  /** A second NAT machine as of the same unit under another name; returns when it is ready. */
  async relieveNat({ folder }: Daemon): Promise<Daemon> {
    return await this.#start("nat", "nat", folder);
  }

  /** The agent of s1; returns when the NAT machine holds it for able. */
  async startAgent(nat: Daemon): Promise<Daemon> {
    await writeAgentYaml(this.bypath.folder, "s1", defaultAgentYaml("s1"));
    const agent = await this.#start("s1", "agent", await this.#newFolder("agent"));
    await waitFor("the agent to be able", async () => {
      agent.process.mustRun();
      const { agents } = await nat.ask<{ agents: { able: boolean }[] }>("status");
      return agents.some(({ able }) => able);
    }, PATIENCE);
    return agent;
  }

  /** What a daemon may see and write, with its keys and configuration. */
  async #newFolder(kind: string): Promise<string> {
    const folder = await Deno.makeTempDir({ prefix: `bypath-unit-${kind}-` });
    this.#folders.push(folder);
    for await (const { name, isFile } of Deno.readDir(this.bypath.folder)) {
      // The authority's key is for whoever issues certificates.
      if (!isFile || name === "ca.key") continue;
      await Deno.copyFile(`${this.bypath.folder}/${name}`, `${folder}/${name}`);
    }
    await giveToUser(folder);
    return folder;
  }

  async #start(node: "nat" | "s1", kind: "nat" | "agent", folder: string): Promise<Daemon> {
    const path = `${UNITS}bypath-${kind}.service`;
    const unit = await readUnit(path);
    const number = ++this.#count;
    const notify = new NotifySocket(`${folder}/notify${number}`);
    const log = `${folder}/calls${number}`;
    const argv = await commandOf(path, `${folder}/${node}.yaml`);
    const process = this.bypath.lab.start(
      node,
      confined(argv, {
        folder,
        tun: kind === "agent",
        denied: await deniedCalls(unit),
        log,
        env: {
          XDG_CACHE_HOME: `${folder}/cache`,
          NOTIFY_SOCKET: notify.path,
          WATCHDOG_USEC: `${WATCHDOG_MS * 1000}`,
          NO_COLOR: "1",
        },
      }),
      { title: `bypath ${kind}, confined` },
    );
    this.#made.push({ notify, process });
    await waitFor(`the confined ${kind} to be ready`, () => {
      process.mustRun();
      return Promise.resolve(notify.count("READY=1") > 0);
    }, PATIENCE);
    return {
      process,
      pid: await childOf(process.pid),
      notify,
      folder,
      unit,
      behaviour: async () => behaviourOf(await Deno.readTextFile(log)),
      ask: async <T>(verb: string) => await ask(`${folder}/${node}.sock`, { verb }) as T,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A signal to strace would not reach what it runs.
    for (const { process } of this.#made) {
      if (process.running) Deno.kill(await childOf(process.pid), "SIGKILL");
    }
    await this.bypath.down();
    for (const { notify } of this.#made) notify[Symbol.dispose]();
    for (const folder of this.#folders) await Deno.remove(folder, { recursive: true });
  }
}

/** The command of a unit, with this program and this configuration. */
async function commandOf(path: string, config: string): Promise<string[]> {
  const line = /^ExecStart=\/usr\/bin\/bypath (.*)$/m.exec(await Deno.readTextFile(path))![1]!;
  const words = line.split(" ");
  return [EXECUTABLE, ...words.slice(0, -1), config];
}

/** What strace has noted: one line a call, `123 socket(AF_UNIX, …) = 3`. */
function behaviourOf(log: string): { refused: string[]; families: string[] } {
  const families = log.matchAll(/ socket\((\w+)/g);
  const refused = log.matchAll(/ (\w+)\(.*\(INJECTED\)/g);
  const sorted = (matches: Iterable<RegExpMatchArray>) =>
    [...new Set([...matches].map((match) => match[1]!))].sort();
  return { refused: sorted(refused), families: sorted(families) };
}

/** The only child of a process. */
async function childOf(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`);
  return Number(text.trim().split(" ")[0]);
}
