import { ask } from "../lib/control/admin_client.ts";
import { Download } from "./download.ts";
import { type CommandResult, runHost } from "./host_command.ts";
import type {
  InspectedInstruction,
  InspectedServer,
  InspectedSession,
  InspectedStatus,
} from "./inspect_json.ts";
import { Lab } from "./lab.ts";
import {
  type AgentYaml,
  defaultAgentYaml,
  defaultNatYaml,
  HTTP_PORT,
  IPERF_PORT,
  listenArguments,
  type NatYaml,
  SERVER_NAMES,
  type ServerName,
  STREAM_PORT,
  writeAgentYaml,
  writeKeys,
  writeNatYaml,
} from "./lab_files.ts";
import { type LabProcess, LabProcessError, type LabProcessOptions } from "./lab_process.ts";
import { selfCommand } from "../lib/datapath/self_command.ts";
import { ADDRESSES, ADDRESSES6, type NodeName } from "./topology.ts";
import type { UdpStreamResult } from "./traffic/udp_stream_client.ts";
import { waitFor } from "./wait.ts";

/** `inspect` of what: a NAT machine or the agent of a server. */
export type InspectTarget = "nat" | ServerName;

export interface DownloadOptions {
  /** Default: the VIP's. */
  readonly url?: string;
  /** Of the VIP; default: 4. */
  readonly family?: 4 | 6;
  readonly bytes: number;
  /** Bytes a second; default: as fast as it goes. */
  readonly rate?: number;
  readonly seed?: number;
  /** `pages` checks order and completeness only, for full speed. Default: SHA-256. */
  readonly verify?: "sha256" | "pages";
  readonly progressMs?: number;
}

export interface StreamOptions {
  readonly count: number;
  /** Of the VIP; default: 4. */
  readonly family?: 4 | 6;
  readonly sizeBytes?: number;
  /** Datagrams a second. */
  readonly rate: number;
}

/**
 * A lab with bypath in it: keys, configurations, the NAT machine, the agents, servers and clients.
 *
 * ```ts
 * await using lab = await BypathLab.up();
 * await lab.startServers();
 * await lab.startNat((config) => config.services[0].bypass = { start: { immediately: true } });
 * await lab.startAgents();
 * const result = await lab.download({ bytes: 1e8 }).result();
 * ```
 */
export class BypathLab {
  readonly lab: Lab;
  readonly #self = selfCommand();
  readonly #servers: LabProcess[] = [];
  readonly #clients = new Set<LabProcess>();
  readonly #agents = new Map<ServerName, LabProcess>();
  #nat: LabProcess | null = null;

  private constructor(lab: Lab) {
    this.lab = lab;
  }

  /** Makes the network and the keys; starts nothing. */
  static async up(name?: string): Promise<BypathLab> {
    const lab = await Lab.up(name);
    try {
      await writeKeys(lab.folder);
    } catch (error) {
      await lab.down();
      throw error;
    }
    return new BypathLab(lab);
  }

  /** Where keys, configurations, sockets and the session table are. */
  get folder(): string {
    return this.lab.folder;
  }

  /** The running NAT machine's process. */
  get nat(): LabProcess {
    if (this.#nat === null) throw new Error("Cannot use the NAT machine: it was not started");
    return this.#nat;
  }

  agent(server: ServerName): LabProcess {
    const process = this.#agents.get(server);
    if (process === undefined) throw new Error(`Cannot use the agent of ${server}: not started`);
    return process;
  }

  /** Whether the daemon was started and has not ended. */
  isRunning(target: InspectTarget): boolean {
    const process = target === "nat" ? this.#nat : this.#agents.get(target);
    return process?.running ?? false;
  }

  socketOf(target: InspectTarget): string {
    return `${this.folder}/${target}.sock`;
  }

  /** Added to the environment of the NAT machine and the agents that are started from now on. */
  daemonEnvironment: Readonly<Record<string, string>> = {};

  /** Starts `bypath ARGS…` in a node. */
  startSelf(node: NodeName, args: readonly string[], options: LabProcessOptions = {}): LabProcess {
    const title = `bypath ${args.join(" ")}`;
    return this.lab.start(node, [...this.#self, ...args], { ...options, title });
  }

  /** Runs `bypath ARGS…` in a node to its end. */
  async runSelf(node: NodeName, args: readonly string[]): Promise<CommandResult> {
    return await this.lab.run(node, [...this.#self, ...args]);
  }

  /** Web servers on both servers and the datagram server on s1. */
  async startServers(): Promise<void> {
    const started = SERVER_NAMES.map((name) =>
      this.startTraffic(name, "http-server", ...listenArguments(name, HTTP_PORT))
    );
    started.push(
      this.startTraffic("s1", "udp-stream-server", ...listenArguments("s1", STREAM_PORT)),
    );
    this.#servers.push(...started);
    await Promise.all(started.map((server) => server.waitForLine(isListening)));
  }

  /** iperf3's server on s1, which is not part of bypath. */
  async startIperf(): Promise<void> {
    const bind = ["-s", "-B", ADDRESSES.s1, "-p", `${IPERF_PORT}`, "--forceflush"];
    const server = this.lab.start("s1", ["iperf3", ...bind]);
    this.#servers.push(server);
    await server.waitForLine((line) => line.includes("listening"));
  }

  /** Writes nat.yaml, the default with `change` made to it. */
  async writeNatConfig(change: (config: NatYaml) => void = () => {}): Promise<string> {
    const config = defaultNatYaml();
    change(config);
    return await writeNatYaml(this.folder, config);
  }

  /** Starts the NAT machine and waits until it translates. */
  async startNat(change?: (config: NatYaml) => void): Promise<LabProcess> {
    const path = await this.writeNatConfig(change);
    return await this.restartNat(path);
  }

  /** Starts the NAT machine again with the configuration that it had. */
  async restartNat(path = `${this.folder}/nat.yaml`): Promise<LabProcess> {
    this.#nat = this.#startDaemon("nat", ["nat", "run", "--config", path]);
    await this.#ready(this.#nat);
    return this.#nat;
  }

  /** A new process takes over from the running one, which ends by itself. */
  async takeOverNat(path = `${this.folder}/nat.yaml`): Promise<LabProcess> {
    const old = this.nat;
    const next = this.#startDaemon("nat", ["nat", "run", "--takeover", "--config", path]);
    this.#nat = next;
    await waitFor("the old NAT machine to let go", () => {
      next.mustRun();
      return !old.running;
    }, { timeoutMs: 20_000, everyMs: 20 });
    await this.#ready(next);
    return next;
  }

  async stopNat(): Promise<void> {
    await this.#nat?.stop();
    this.#nat = null;
  }

  /** Starts the agent of a server and waits until the NAT machine says that it can bypass. */
  async startAgent(
    server: ServerName,
    change: (config: AgentYaml) => void = () => {},
  ): Promise<LabProcess> {
    const config = defaultAgentYaml(server);
    change(config);
    const path = await writeAgentYaml(this.folder, server, config);
    const process = this.#startDaemon(server, ["agent", "run", "--config", path]);
    this.#agents.set(server, process);
    if (this.#nat !== null) {
      await waitFor(`the agent of ${server} to be able`, () => {
        process.mustRun();
        return this.isAble(server);
      }, { timeoutMs: 30_000 }).catch(async (error) => {
        throw new LabProcessError(`${error.message}: ${await this.#agentsState(server)}`);
      });
    }
    return process;
  }

  async startAgents(
    change?: (config: AgentYaml, server: ServerName) => void,
  ): Promise<void> {
    await Promise.all(
      SERVER_NAMES.map((server) => this.startAgent(server, (config) => change?.(config, server))),
    );
  }

  async stopAgent(server: ServerName): Promise<void> {
    await this.#agents.get(server)?.stop();
    this.#agents.delete(server);
  }

  /** Whether the NAT machine holds the agent for connected and able to bypass. */
  async isAble(server: ServerName): Promise<boolean> {
    const servers = await this.ask<InspectedServer[]>("servers");
    const names = [`${ADDRESSES[server]}:`, `[${ADDRESSES6[server]}]:`];
    const ours = servers.filter(({ address }) => names.some((name) => address.startsWith(name)));
    return ours.length > 0 &&
      ours.every(({ agent }) => agent.connected && agent.bypass === "able");
  }

  /**
   * `bypath inspect WHAT … --json` of the NAT machine or an agent.
   *
   * @throws {LabProcessError} when it exits non-zero
   */
  async inspect<T>(target: InspectTarget, what: string, ...args: string[]): Promise<T> {
    const command = ["inspect", what, ...args, "--json", "--socket", this.socketOf(target)];
    const { code, stdout, stderr } = await this.#run(command);
    if (code !== 0) throw new LabProcessError(`bypath ${command.join(" ")}: ${stderr.trim()}`);
    return JSON.parse(stdout) as T;
  }

  /** What `inspect` prints for people. */
  async inspectText(target: InspectTarget, what: string, ...args: string[]): Promise<string[]> {
    const command = ["inspect", what, ...args, "--socket", this.socketOf(target)];
    const { code, stdout, stderr } = await this.#run(command);
    if (code !== 0) throw new LabProcessError(`bypath ${command.join(" ")}: ${stderr.trim()}`);
    return stdout.trimEnd().split("\n");
  }

  /**
   * What the daemon answers to `inspect`, without a process in between: for waiting and counting, where
   * the start-up time of a program would matter.
   */
  async ask<T>(verb: string, target: InspectTarget = "nat"): Promise<T> {
    return await ask(this.socketOf(target), { verb }) as T;
  }

  async status(target: InspectTarget = "nat"): Promise<InspectedStatus> {
    return await this.inspect(target, "status");
  }

  async servers(): Promise<InspectedServer[]> {
    return await this.inspect("nat", "servers");
  }

  async sessions(...filters: string[]): Promise<InspectedSession[]> {
    return await this.inspect("nat", "sessions", ...filters);
  }

  async instructions(target: InspectTarget): Promise<InspectedInstruction[]> {
    return await this.inspect(target, "instructions");
  }

  /** The session of a client endpoint, or null. */
  async sessionOf(client: string): Promise<InspectedSession | null> {
    const sessions = await this.sessions("--client", client);
    // A port used again leaves the older session to be seen for a while.
    return sessions.find((session) => session.state !== "closed") ?? sessions[0] ?? null;
  }

  /** `bypath nat bypass stop|start …`: stop returns when every agent concerned has acknowledged. */
  async bypass(verb: "stop" | "start", ...which: string[]): Promise<void> {
    const command = ["nat", "bypass", verb, ...which, "--socket", this.socketOf("nat")];
    const { code, stderr } = await this.#run(command);
    if (code !== 0) throw new LabProcessError(`bypath ${command.join(" ")}: ${stderr.trim()}`);
  }

  /**
   * The same for all sessions, asked of the daemon without a process in between: a switch takes a
   * millisecond instead of the start-up time of a program.
   */
  async switchBypass(verb: "stop" | "start"): Promise<void> {
    await ask(this.socketOf("nat"), { verb: "bypass", action: verb, all: true });
  }

  /** Starts a download through the VIP, by the program's own client. */
  download(options: DownloadOptions): Download {
    const query = [
      `seed=${options.seed ?? 1}`,
      ...(options.rate === undefined ? [] : [`rate=${options.rate}`]),
    ];
    const base = options.url ?? `http://${vipOf(options)}`;
    return new Download(this.startTraffic(
      "client",
      "http-get",
      `${base}/bytes/${options.bytes}?${query.join("&")}`,
      "--verify",
      options.verify ?? "sha256",
      "--progress-ms",
      `${options.progressMs ?? 50}`,
    ));
  }

  /** Starts a stream of numbered datagrams through the VIP; the result is the client's last line. */
  stream(options: StreamOptions): { process: LabProcess; result(): Promise<UdpStreamResult> } {
    const process = this.startTraffic(
      "client",
      "udp-stream-client",
      `${vipOf(options)}:${STREAM_PORT}`,
      "--count",
      `${options.count}`,
      "--size",
      `${options.sizeBytes ?? 1000}`,
      "--rate",
      `${options.rate}`,
    );
    const timeoutMs = options.count / options.rate * 1000 + 30_000;
    const done = (line: string) => line.includes('"event":"done"');
    return {
      process,
      result: async () => JSON.parse(await process.waitForLine(done, { timeoutMs })),
    };
  }

  /** Opens that many idle TCP sessions through the VIP. */
  openSessions(count: number): LabProcess {
    return this.startTraffic(
      "client",
      "tcp-sessions",
      `${ADDRESSES.vip}:80`,
      "--count",
      `${count}`,
    );
  }

  /** Starts one of the traffic programs in a node. */
  startTraffic(node: NodeName, ...args: string[]): LabProcess {
    const process = this.startSelf(node, ["lab", "traffic", ...args]);
    if (node === "client") {
      this.#clients.add(process);
      process.ended.finally(() => this.#clients.delete(process));
    }
    return process;
  }

  /** Ends the clients that still run, such as those of a step that failed. */
  async stopClients(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.stop()));
    this.#clients.clear();
  }

  /** Ends the agents and the NAT machine, by SIGTERM. */
  async stopDaemons(): Promise<void> {
    await Promise.all(SERVER_NAMES.map((server) => this.stopAgent(server)));
    await this.stopNat();
  }

  /** Ends everything in reverse order and removes the lab. May be called again. */
  async down(): Promise<void> {
    await this.stopDaemons();
    await this.lab.down();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }

  #startDaemon(node: NodeName, args: readonly string[]): LabProcess {
    return this.startSelf(node, args, { env: { ...this.daemonEnvironment } });
  }

  /** What the NAT machine knows of the agent of a server, and the agent's last words. */
  async #agentsState(server: ServerName): Promise<string> {
    const { agents } = await this.ask<InspectedStatus>("status");
    const known = agents.find(({ name }) => name === server);
    const servers = (await this.ask<InspectedServer[]>("servers"))
      .filter(({ agent }) => agent.bypass !== "able")
      .map(({ address, agent }) => `${address} ${agent.bypass}: ${agent.reason}`);
    const words = this.agent(server).stderr.lines.slice(-3);
    return [known ? JSON.stringify(known) : "not connected", ...servers, ...words].join("; ");
  }

  /** The verbs talk to a unix socket by path, which every namespace sees: no need to enter one. */
  async #run(args: readonly string[]): Promise<CommandResult> {
    return await runHost([...this.#self, ...args]);
  }

  async #ready(process: LabProcess): Promise<void> {
    await waitFor("the NAT machine to be ready", async () => {
      process.mustRun();
      const status = await this.ask<InspectedStatus>("status").catch(() => null);
      return status?.ready;
    }, { timeoutMs: 20_000, everyMs: 20 });
  }
}

/** As it stands before a port. */
function vipOf({ family = 4 }: { readonly family?: 4 | 6 }): string {
  return family === 4 ? ADDRESSES.vip : `[${ADDRESSES6.vip}]`;
}

function isListening(line: string): boolean {
  return line.includes('"event":"listening"');
}
