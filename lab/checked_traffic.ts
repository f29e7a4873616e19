import type { BypathLab } from "./bypath_lab.ts";
import type { InspectedSession, InspectedStatus } from "./inspect_json.ts";
import { haveIpv6 } from "./ipv6.ts";
import { SERVER_NAMES, type ServerName } from "./lab_files.ts";
import type { LabProcess } from "./lab_process.ts";
import { FLOW_PORT, HTTP_PORT, STREAM_PORT } from "./ports.ts";
import { sumRetransmitted, tcpSockets } from "./socket_statistics.ts";
import { ADDRESSES, ADDRESSES6 } from "./topology.ts";
import type { FlowsEvent } from "./traffic/checked_flows.ts";
import type { FlowState } from "./traffic/flow.ts";
import { flowsOfMix, type PlannedFlow } from "./traffic_mix.ts";
import { WaitError, waitFor } from "./wait.ts";

/** What came of one flow. */
export interface FlowResult extends FlowState, Omit<PlannedFlow, "name" | "kind"> {
  /** TCP segments sent again since the mark, at either end. */
  readonly retransmitted: number;
  /** The longest pause before the mark: without the fault. */
  readonly quietPauseMs: number;
}

export interface TrafficOptions {
  /** Default: {@linkcode flowsOfMix}. */
  readonly plan?: readonly PlannedFlow[];
  /** Of {@linkcode startFarEnds}, when they serve others too. Default: servers of its own. */
  readonly servers?: readonly LabProcess[];
}

/** On a busy host the client itself may take a while to answer. */
const EVENT_MS = 60_000;
/** A flow that got something so recently goes on. */
const MOVING_MS = 300;

/**
 * A mix of traffic that runs until it is told to finish, each byte of it compared with what it
 * should be.
 *
 * ```ts
 * await lab.startNat(configureForTraffic);
 * await lab.startAgents();
 * const traffic = await CheckedTraffic.start(lab);
 * await traffic.mark();
 * …   // the fault
 * await traffic.moving();
 * const flows = await traffic.finish();
 * ```
 */
export class CheckedTraffic {
  readonly #lab: BypathLab;
  readonly #plan: readonly PlannedFlow[];
  readonly #client: LabProcess;
  readonly #servers: readonly LabProcess[];
  /** Sessions that others left. */
  readonly #earlier: ReadonlySet<string>;
  #quiet: readonly FlowState[] = [];
  #retransmittedBefore: ReadonlyMap<string, number> = new Map();

  private constructor(
    lab: BypathLab,
    plan: readonly PlannedFlow[],
    parts: {
      readonly client: LabProcess;
      readonly servers: readonly LabProcess[];
      readonly earlier: ReadonlySet<string>;
    },
  ) {
    this.#lab = lab;
    this.#plan = plan;
    this.#client = parts.client;
    this.#servers = parts.servers;
    this.#earlier = parts.earlier;
  }

  /**
   * Starts servers and clients, and waits until every flow that can bypasses.
   *
   * @throws {WaitError} when a flow does not bypass
   */
  static async start(lab: BypathLab, options: TrafficOptions = {}): Promise<CheckedTraffic> {
    const { plan = flowsOfMix(), servers = await startFarEnds(lab) } = options;
    const earlier = new Set((await lab.sessions()).map(({ id }) => id));
    const file = `${lab.folder}/flows.json`;
    await Deno.writeTextFile(file, JSON.stringify(plan));
    const client = lab.startTraffic("client", "checked-flows", file);
    const traffic = new CheckedTraffic(lab, plan, { client, servers, earlier });
    await traffic.#event("open");
    await traffic.bypassing({ idle: true });
    return traffic;
  }

  get flows(): readonly PlannedFlow[] {
    return this.#plan;
  }

  /** Begins to measure pauses: what was longer before is no fault of what comes now. */
  async mark(): Promise<void> {
    const after = this.#client.stdout.seen;
    this.#client.kill("SIGUSR1");
    this.#quiet = (await this.#event("marked", { after })).flows;
    this.#retransmittedBefore = await this.#retransmitted();
  }

  /** How the flows stand now. */
  async now(): Promise<readonly FlowState[]> {
    return (await this.#event("progress", { after: this.#client.stdout.seen })).flows;
  }

  /**
   * Waits until every flow that is not idle gets new bytes.
   *
   * @returns milliseconds until then
   * @throws {LabProcessError} when one does not
   */
  async moving(
    options: {
      readonly except?: (flow: PlannedFlow) => boolean;
      readonly timeoutMs?: number;
    } = {},
  ): Promise<number> {
    const { except = () => false, timeoutMs = 20_000 } = options;
    const waitedFor = this.#plan.filter((flow) => !except(flow)).map(({ name }) => name);
    const started = performance.now();
    const after = this.#client.stdout.seen;
    await this.#client.waitForLine((line) => {
      const event = eventOf(line);
      return event?.event === "progress" &&
        event.flows.every((flow) => flow.stillMs < MOVING_MS || !waitedFor.includes(flow.name));
    }, { timeoutMs, after });
    return performance.now() - started;
  }

  /**
   * Waits until the sessions of the flows that can bypass do so. Those of idle ones only when asked
   * for: a criterion that counts what passes does not bring them back.
   *
   * @returns milliseconds until then
   * @throws {WaitError} naming those that do not
   */
  async bypassing(
    options: { readonly idle?: boolean; readonly timeoutMs?: number } = {},
  ): Promise<number> {
    const { idle = false, timeoutMs = 20_000 } = options;
    const started = performance.now();
    const wanted = this.#plan.filter((flow) => flow.bypasses && (idle || flow.kind !== "idle"));
    let lacking: string[] = [];
    try {
      await waitFor("the flows to bypass", async () => {
        // The count is had for little; who they are takes a look into the table.
        const enough = await this.#countBypassing() >= wanted.length;
        const late = performance.now() - started > timeoutMs / 2;
        if (enough || late) lacking = await this.#notBypassing(wanted);
        return enough && lacking.length === 0;
      }, { timeoutMs, everyMs: 50 });
    } catch (error) {
      if (!(error instanceof WaitError)) throw error;
      throw new WaitError(`${error.message}: ${lacking.join(", ")}`);
    }
    return performance.now() - started;
  }

  /**
   * Waits until no session of that server is shown as bypassing.
   *
   * @returns milliseconds until then
   * @throws {WaitError} when there is one
   */
  async allViaNat(server: ServerName, timeoutMs = 10_000): Promise<number> {
    const started = performance.now();
    const addresses = [`${ADDRESSES[server]}:`, `[${ADDRESSES6[server]}]:`];
    await waitFor(
      `no session of ${server} to bypass`,
      async () =>
        (await this.sessions()).every((session) =>
          session.path === "nat" || !addresses.some((each) => session.server.startsWith(each))
        ),
      { timeoutMs, everyMs: 50 },
    );
    return performance.now() - started;
  }

  async #countBypassing(): Promise<number> {
    const status = await this.#lab.ask<InspectedStatus>("status").catch(() => null);
    return status?.sessions.bypass ?? 0;
  }

  /** Names of those that do not bypass, with what the NAT machine says of them. */
  async #notBypassing(wanted: readonly PlannedFlow[]): Promise<string[]> {
    const states = await this.now();
    const sessions = await this.sessions().catch(() => []);
    return wanted.flatMap(({ name, service }) => {
      const local = states.find((state) => state.name === name)?.local;
      const session = sessions.find((each) =>
        each.service === service && each.state !== "closed" &&
        (each.client === local || each.protocol === "udp")
      );
      if (session?.path === "bypass") return [];
      return [`${name} (${session ? `${session.path}: ${session.reason}` : "no session"})`];
    });
  }

  /** The sessions that the NAT machine has, but for those of before this traffic. */
  async sessions(): Promise<InspectedSession[]> {
    return (await this.#lab.sessions()).filter(({ id }) => !this.#earlier.has(id));
  }

  /**
   * Ends every flow in order.
   *
   * @returns what came of each, hung ones included
   * @throws {LabProcessError} when the client does not tell
   */
  async finish(): Promise<FlowResult[]> {
    const retransmitted = await this.#retransmitted();
    this.#client.kill("SIGUSR2");
    const { flows } = await this.#event("done");
    await this.#client.ended;
    return this.#plan.map((plan) => {
      const state = flows.find((each) => each.name === plan.name) as FlowState;
      const quiet = this.#quiet.find((each) => each.name === plan.name);
      return {
        ...plan,
        ...state,
        // The sockets of a flow that broke are gone, and so is what they counted.
        retransmitted: Math.max(
          0,
          (retransmitted.get(plan.name) ?? 0) - (this.#retransmittedBefore.get(plan.name) ?? 0),
        ),
        quietPauseMs: quiet?.longestPauseMs ?? 0,
      };
    });
  }

  /** Segments sent again so far, at both ends, by flow. */
  async #retransmitted(): Promise<Map<string, number>> {
    const ends = await Promise.all(
      (["client", ...SERVER_NAMES] as const).map((node) => tcpSockets(this.#lab.lab, node)),
    );
    const states = await this.now();
    const sessions = await this.sessions().catch(() => []);
    return new Map(states.map(({ name, local }) => {
      const session = sessions.find((each) => each.client === local && each.state !== "closed");
      return [name, sumRetransmitted(ends, session ? [local, session.nat] : [local])];
    }));
  }

  /** Ends the server programs. */
  async stopServers(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop()));
  }

  async #event(
    event: FlowsEvent["event"],
    options: { readonly after?: number } = {},
  ): Promise<FlowsEvent> {
    const matches = (line: string) => line.startsWith(`{"event":"${event}"`);
    const line = await this.#client.waitForLine(matches, { timeoutMs: EVENT_MS, ...options });
    return JSON.parse(line) as FlowsEvent;
  }
}

/** Starts what the flows talk to, on both servers, and waits until it listens. */
export async function startFarEnds(lab: BypathLab): Promise<LabProcess[]> {
  const servers = SERVER_NAMES.map((name) =>
    lab.startTraffic(name, "far-ends", ...farEndArguments(name))
  );
  const listening = (port: number) => (line: string) =>
    line.includes('"event":"listening"') && line.includes(`:${port}"`);
  await Promise.all(
    servers.flatMap((server) =>
      [HTTP_PORT, FLOW_PORT, STREAM_PORT].map((port) => server.waitForLine(listening(port)))
    ),
  );
  return servers;
}

function farEndArguments(server: ServerName): string[] {
  return [
    ...["--listen", ADDRESSES[server]],
    ...(haveIpv6() ? ["--listen", `[${ADDRESSES6[server]}]`] : []),
  ];
}

function eventOf(line: string): FlowsEvent | null {
  return line.startsWith("{") ? JSON.parse(line) as FlowsEvent : null;
}
