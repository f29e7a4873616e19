import {
  difference,
  type InterfaceCounters,
  readInterfaceCounters,
  readTcpCounters,
  type TcpCounters,
} from "./counters.ts";
import { type CommandResult, mustRunHost, runHost } from "./host_command.ts";
import { labFolder } from "./lab_record.ts";
import { LabProcess, type LabProcessOptions } from "./lab_process.ts";
import { labDown, labUp, namespaceOf } from "./namespace.ts";
import { identityOf, isAlive, type ProcessIdentity } from "./process_identity.ts";
import { type NodeName, TOPOLOGY } from "./topology.ts";

let made = 0;

/** One process may have several labs at a time. */
function nextName(): string {
  made++;
  return made === 1 ? `bypath-${Deno.pid}` : `bypath-${Deno.pid}-${made}`;
}

/** A lab that is up, with the programs started in it. Disposal ends them and removes the lab. */
export class Lab {
  readonly name: string;
  readonly #processes = new Set<LabProcess>();
  readonly #everStarted: ProcessIdentity[] = [];
  #closed = false;

  private constructor(name: string) {
    this.name = name;
  }

  /**
   * Makes a lab that belongs to this process. The default name holds the process's number: any number
   * of labs can be up at once.
   *
   * @throws {LabError} when it cannot be made; nothing is left then
   */
  static async up(name = nextName()): Promise<Lab> {
    await labUp(name, { owner: "process" });
    return new Lab(name);
  }

  /** A folder of the lab's own, readable by this user only; removed with the lab. */
  get folder(): string {
    return labFolder(this.name);
  }

  namespace(node: NodeName): string {
    return namespaceOf(this.name, node);
  }

  /** The command that runs `argv` in a node. */
  commandIn(node: NodeName, argv: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.namespace(node), ...argv];
  }

  /** Starts a program in a node and returns at once. `title` names it in messages. */
  start(
    node: NodeName,
    argv: readonly string[],
    options: LabProcessOptions & { readonly title?: string } = {},
  ): LabProcess {
    if (this.#closed) throw new Error(`Cannot start ${argv[0]}: the lab is down`);
    const { title = argv.join(" "), ...rest } = options;
    const process = new LabProcess(this.commandIn(node, argv), `${title} (in ${node})`, rest);
    this.#processes.add(process);
    this.#everStarted.push(identityOf(process.pid));
    process.ended.finally(() => this.#processes.delete(process));
    return process;
  }

  /** Runs a program in a node to its end, whatever its exit status. */
  async run(node: NodeName, argv: readonly string[], input?: string): Promise<CommandResult> {
    return await runHost(this.commandIn(node, argv), input === undefined ? {} : { input });
  }

  /** Runs a program in a node that has to succeed; returns its standard output. */
  async mustRun(node: NodeName, argv: readonly string[], input?: string): Promise<string> {
    return await mustRunHost(this.commandIn(node, argv), input === undefined ? {} : { input });
  }

  async counters(node: NodeName, device: string): Promise<InterfaceCounters> {
    return await readInterfaceCounters(this.namespace(node), device);
  }

  async countersSince(
    node: NodeName,
    device: string,
    earlier: InterfaceCounters,
  ): Promise<InterfaceCounters> {
    return difference(await this.counters(node, device), earlier);
  }

  async tcpCounters(node: NodeName): Promise<TcpCounters> {
    return await readTcpCounters(this.namespace(node));
  }

  /** What of the lab still exists, in words; nothing after `down`. */
  async remains(): Promise<string[]> {
    const namespaces = (await mustRunHost(["ip", "netns", "list"])).split("\n")
      .map((line) => line.split(" ")[0] ?? "")
      .filter((name) => TOPOLOGY.nodes.some((node) => name === this.namespace(node.name)));
    const processes = this.#everStarted.filter(isAlive).map(({ pid }) => `process ${pid}`);
    const folder = await Deno.stat(this.folder).then(() => [this.folder], () => []);
    return [...namespaces, ...processes, ...folder];
  }

  /** Ends every program started here and removes the lab. May be called again. */
  async down(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#processes].map((process) => process.stop()));
    await labDown(this.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }
}
