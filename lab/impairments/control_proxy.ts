import type { BypathLab } from "../bypath_lab.ts";
import { CONTROL_PORT, CONTROL_PROXY, SERVER_NAMES, type ServerName } from "../lab_files.ts";
import type { LabProcess } from "../lab_process.ts";
import { ADDRESSES } from "../topology.ts";
import type { MessageFaultShares } from "../traffic/message_faults.ts";

export interface ControlProxyOptions {
  /** Each way; default 0. */
  readonly delayMs?: number;
  /** What becomes of whole messages; default: bytes pass as they are, TLS included. */
  readonly messages?: MessageFaultShares & { readonly seed: number };
}

/** What became of the messages, both directions together. */
export interface MessageFaultCounts {
  readonly passed: number;
  readonly lost: number;
  readonly doubled: number;
  readonly late: number;
}

/**
 * A proxy on the control channel, on the machine of the agent, which has to dial `CONTROL_PROXY`
 * instead of the NAT machine. Messages pass unharmed until `beginFaults`. Disposal ends it, and with
 * it the connection.
 */
export class ControlProxy implements AsyncDisposable {
  readonly #process: LabProcess;

  private constructor(process: LabProcess) {
    this.#process = process;
  }

  static async start(
    lab: BypathLab,
    server: ServerName,
    { delayMs = 0, messages }: ControlProxyOptions,
  ): Promise<ControlProxy> {
    const args = [`${ADDRESSES.nat}:${CONTROL_PORT}`, "--listen", CONTROL_PROXY];
    args.push("--delay-ms", `${delayMs}`);
    if (messages !== undefined) {
      const { lose, double, late, lateMs, seed } = messages;
      args.push("--keys", lab.folder, "--agent", server, "--seed", `${seed}`);
      args.push("--lose", `${lose}`, "--double", `${double}`);
      args.push("--late", `${late}`, "--late-ms", `${lateMs}`);
    }
    const process = lab.startSelf(server, ["lab", "traffic", "control-proxy", ...args]);
    await process.waitForLine((line) => line.includes('"event":"listening"'));
    return new ControlProxy(process);
  }

  beginFaults(): void {
    this.#process.kill("SIGUSR1");
  }

  /** Messages pass unharmed again. */
  async endFaults(): Promise<MessageFaultCounts> {
    const after = this.#process.stdout.seen;
    this.#process.kill("SIGUSR2");
    const isTold = (line: string) => line.includes('"event":"faults"');
    return JSON.parse(await this.#process.waitForLine(isTold, { after }));
  }

  /** Ends the connections of the moment; the agent may dial again at once. */
  cut(): void {
    this.#process.kill("SIGHUP");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop();
  }
}

/** A proxy beside the agent of every server. */
export class ControlProxies implements AsyncDisposable {
  readonly #proxies: readonly ControlProxy[];

  private constructor(proxies: readonly ControlProxy[]) {
    this.#proxies = proxies;
  }

  /** Each with a seed of its own. */
  static async start(lab: BypathLab, options: ControlProxyOptions): Promise<ControlProxies> {
    const { messages } = options;
    return new ControlProxies(
      await Promise.all(SERVER_NAMES.map((server, i) => {
        const own = messages && { messages: { ...messages, seed: messages.seed + i } };
        return ControlProxy.start(lab, server, { ...options, ...own });
      })),
    );
  }

  beginFaults(): void {
    for (const proxy of this.#proxies) proxy.beginFaults();
  }

  /** Messages pass unharmed again. Returns the sums. */
  async endFaults(): Promise<MessageFaultCounts> {
    const counts = await Promise.all(this.#proxies.map((proxy) => proxy.endFaults()));
    const sum = (of: keyof MessageFaultCounts) => counts.reduce((all, each) => all + each[of], 0);
    return { passed: sum("passed"), lost: sum("lost"), doubled: sum("doubled"), late: sum("late") };
  }

  cut(): void {
    for (const proxy of this.#proxies) proxy.cut();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
  }
}
