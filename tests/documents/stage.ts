import assert from "node:assert/strict";
import { mustRunHost, runHost } from "../../lab/host_command.ts";
import { Lab } from "../../lab/lab.ts";
import { LabProcess } from "../../lab/lab_process.ts";
import { NODE_NAMES, type NodeName } from "../../lab/topology.ts";
import { selfCommand } from "../../lib/datapath/self_command.ts";
import { DebianMachine } from "../packaging/debian_machine.ts";
import type { Step } from "./blocks.ts";

/** Documents that are played on machines, in this order: machines_test.ts. */
export const ON_MACHINES: readonly string[] = ["docs/tutorial.md", "docs/systemd/README.md"];

/** The daemons of a document stay until it is over. */
const DAEMON = /^bypath (?:nat|agent) run\b/;
/** How long somebody looks at what goes on without end. */
const MOMENT_S = 3;
const AT_ONCE = 3;
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface StageOptions {
  /** Nodes that are Debian machines with an init of their own; the others are networks alone. */
  readonly machines?: readonly NodeName[];
}

/**
 * Where a document is played: a lab, a folder, and `bypath` as a command. In a node that is no machine
 * /etc/bypath and /run/bypath are its own.
 */
export class Stage implements AsyncDisposable {
  readonly #lab: Lab;
  readonly #folder: string;
  readonly #machines = new Map<NodeName, DebianMachine>();
  readonly #meanwhile: { process: LabProcess; what: string }[] = [];
  readonly #daemons: LabProcess[] = [];

  private constructor(lab: Lab, folder: string) {
    this.#lab = lab;
    this.#folder = folder;
  }

  static async open({ machines = [] }: StageOptions = {}): Promise<Stage> {
    const lab = await Lab.up();
    const stage = new Stage(lab, await Deno.makeTempDir({ prefix: "bypath-document-" }));
    try {
      await Deno.mkdir(`${stage.#folder}/bin`);
      const bypath = `#!/bin/sh\nexec ${selfCommand().map((it) => `'${it}'`).join(" ")} "$@"\n`;
      await Deno.writeTextFile(`${stage.#folder}/bin/bypath`, bypath, { mode: 0o755 });
      for (const node of machines) {
        stage.#machines.set(node, await DebianMachine.start(lab, node));
      }
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
    return stage;
  }

  machine(node: NodeName): DebianMachine {
    const machine = this.#machines.get(node);
    if (machine === undefined) throw new Error(`Cannot use ${node}: it is no machine`);
    return machine;
  }

  /** Does one step of a document. */
  async play(step: Step): Promise<void> {
    switch (step.kind) {
      case "elsewhere":
        await Deno.stat(new URL(`../../${step.test}`, import.meta.url));
        return;
      case "file": {
        await this.#write(nodeOf(step.node), step.path, step.text);
        return;
      }
      case "copy": {
        const [from, to] = [step.from, step.to];
        await this.#write(nodeOf(to[0]), to[1], await this.#read(nodeOf(from[0]), from[1]));
        return;
      }
      case "run":
        if (step.when === "afterwards") await this.finish();
        if (step.when === "for a moment") return await this.#runForAMoment(step);
        for (const commands of withDaemonsApart(step.commands)) {
          await this.#run({ ...step, commands });
        }
    }
  }

  /** Waits for what goes on meanwhile. */
  async finish(): Promise<void> {
    for (const { process, what } of this.#meanwhile.splice(0)) {
      const { code } = await process.ended;
      assert.equal(code, 0, `${what}${process.stderr.lines.join("\n")}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons.reverse()) await daemon.stop();
    for (const machine of this.#machines.values()) await machine[Symbol.asyncDispose]();
    await this.#lab.down();
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #run(step: Step & { kind: "run" }): Promise<void> {
    const { commands, line } = step;
    const meanwhile = step.when === "meanwhile";
    const argv = this.#command(step.node === null ? null : nodeOf(step.node), commands);
    const isDaemon = DAEMON.test(commands);
    if (!meanwhile && !isDaemon) {
      const { code, stdout, stderr } = await runHost(argv);
      assert.equal(code, 0, `line ${line}:\n${commands}${stdout}${stderr}`);
      return;
    }
    const what = `line ${line}: ${commands}`;
    const process = new LabProcess(argv, what);
    if (meanwhile) {
      this.#meanwhile.push({ process, what });
      return;
    }
    this.#daemons.push(process);
    await process.waitForLine((it) => it.startsWith("Ready"), {
      stream: "stderr",
      timeoutMs: 60_000,
    });
  }

  /** What goes on until somebody has seen enough: each line for itself, some at the same time. */
  async #runForAMoment({ node, commands, line }: Step & { kind: "run" }): Promise<void> {
    const where = node === null ? null : nodeOf(node);
    const lines = commands.split("\n").filter((it) => it.trim() !== "");
    while (lines.length > 0) {
      await Promise.all(
        lines.splice(0, AT_ONCE).map(async (text) => {
          const interrupted = ["timeout", "--signal=INT", "--kill-after=20", `${MOMENT_S}`];
          const shell = this.#command(where, text);
          const { code, stdout, stderr } = await runHost([...interrupted, ...shell]);
          // 124: interrupted by timeout.
          assert.ok([0, 124, 130].includes(code), `line ${line}: ${text}\n${stdout}${stderr}`);
        }),
      );
    }
  }

  /** The command that has a shell do these commands, and stop at the first that fails. */
  #command(node: NodeName | null, commands: string): string[] {
    const machine = node === null ? undefined : this.#machines.get(node);
    const shell = ["sh", "-ec", DAEMON.test(commands) ? `exec ${commands}` : commands];
    if (machine !== undefined) return machine.command(["env", "--chdir=/root", ...shell]);
    const path = `PATH=${this.#folder}/bin:${Deno.env.get("PATH") ?? PATH}`;
    const inFolder = ["env", `--chdir=${this.#folder}`, path, ...shell];
    if (node === null) {
      return ["unshare", "--mount", "--net", "sh", "-ec", OWN_NAMESPACES, "sh", ...inFolder];
    }
    const own = `${this.#folder}/nodes/${node}`;
    return this.#lab.commandIn(node, ["sh", "-ec", OWN_FOLDERS, "sh", own, ...inFolder]);
  }

  async #write(node: NodeName, path: string, text: string): Promise<void> {
    const commands = `mkdir -p "$(dirname '${path}')"; cat > '${path}'`;
    const { code, stderr } = await runHost(this.#command(node, commands), { input: text });
    assert.equal(code, 0, stderr);
  }

  async #read(node: NodeName, path: string): Promise<string> {
    return await mustRunHost(this.#command(node, `cat '${path}'`));
  }
}

/** `ip netns exec` makes a mount namespace: in it these two folders are the node's own. */
const OWN_FOLDERS = `
own=$1; shift
mkdir -p "$own/names/bypath" "$own/etc" "$own/run"
mount -t overlay -o "lowerdir=$own/names:/etc" overlay /etc
mount --bind "$own/etc" /etc/bypath
mount -t tmpfs tmpfs /run
mkdir /run/bypath
mount --bind "$own/run" /run/bypath
exec "$@"
`;

/** Labs that a document makes are in namespaces of its own: another of that name may be up. */
const OWN_NAMESPACES = `mount -t tmpfs tmpfs /run; exec "$@"`;

function nodeOf(name: string): NodeName {
  const node = NODE_NAMES.find((it) => it === name);
  if (node === undefined) {
    throw new Error(`Cannot play a document in "${name}": no node of the lab`);
  }
  return node;
}

/** Commands of a block: daemons each for themselves, the others as they stand together. */
function withDaemonsApart(commands: string): string[] {
  const parts: string[] = [];
  let others = "";
  for (const line of commands.split("\n")) {
    if (!DAEMON.test(line)) {
      others += `${line}\n`;
      continue;
    }
    if (others.trim() !== "") parts.push(others);
    others = "";
    parts.push(line);
  }
  if (others.trim() !== "") parts.push(others);
  return parts;
}
