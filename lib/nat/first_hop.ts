import type { NatConfig } from "../config/nat_config.ts";
import type { Probe, Probed } from "../control/messages.ts";
import { U16, U8 } from "../session/layout.ts";
import { REASON } from "../session/path_reason.ts";
import type { SessionRecords } from "../session/session_records.ts";
import { SessionViewer } from "../session/session_view.ts";
import { parseEndpoint } from "../wire/address.ts";
import { MAXIMUM_PROBE_NONCE } from "../wire/path_probe.ts";
import { PROTOCOL_UDP } from "../wire/protocol.ts";
import { type AgentRegistry, type AgentView, announcementFor } from "./agent_registry.ts";
import type { Objection } from "./obstacles.ts";
import type { DirectPaths } from "./direct_paths.ts";
import { hostOf } from "./operator_state.ts";
import { SelfTests, type TestCase, type TestState } from "./self_tests.ts";

export interface FirstHopTools {
  readonly records: SessionRecords;
  readonly agents: AgentRegistry;
  readonly paths: DirectPaths;
  config(): NatConfig;
  send(agent: string, probe: Probe): void;
  /** The packet worker is to look for this nonce. */
  expect(nonce: number): void;
  /** The criteria decide again about sessions of servers. */
  reconsider(speaksFor: (server: string) => boolean): void;
  event(type: string, details: Record<string, string | null>): void;
  /** Boot time, ms. */
  now(): number;
}

/** While a test goes on; its end has the criteria decide again at once. */
const PENDING_RETRY_MS = 1_000;
/** What shows nothing when it is lost waits for the next test. */
const FAILED_RETRY_MS = 60_000;

/**
 * Whether the network before the clients lets virtual addresses pass as a source, by tests that agents
 * make before their servers are first bypassed. A test that fails proves nothing against the path (the
 * router may have no way from there to the NAT machine), so one TCP session may try, and its success
 * counts more; UDP, which would be lost without a sign, stays via NAT.
 */
export class FirstHop {
  readonly #tools: FirstHopTools;
  readonly #viewer: SessionViewer;
  readonly #tests: SelfTests;

  constructor(tools: FirstHopTools) {
    this.#tools = tools;
    this.#viewer = new SessionViewer(tools.records);
    this.#tests = new SelfTests({
      send: (agent, probe) => tools.send(agent, probe),
      expect: (nonce) => tools.expect(nonce),
      changed: (agent, vip, state) => this.#changed(agent, vip, state),
      nonce: randomNonce,
    });
  }

  /** Speaks against a bypass that was not tested yet; asked before the paths themselves. */
  readonly obstacle = (slot: number): Objection | null => {
    const { records, agents, paths, now } = this.#tools;
    const server = this.#viewer.endpointText(records.getU16(slot, U16.server));
    const agent = agents.speakingFor(server);
    if (agent === undefined) return null;
    const vip = this.#viewer.endpointText(records.getU16(slot, U16.vip));
    const test = this.#tests.state(agent.name, String(parseEndpoint(vip).address));
    if (test?.state === "pending") return objection(PENDING_RETRY_MS);
    if (test?.state !== "failed") return null;
    if (records.getU8(slot, U8.protocol) === PROTOCOL_UDP) return objection(FAILED_RETRY_MS);
    paths.doubt(hostOf(server), now());
    return null;
  };

  agentConnected(agent: string, addresses: readonly string[]): void {
    this.#tests.begin(agent, casesFor(this.#tools.config(), addresses), this.#tools.now());
  }

  agentLost(agent: string): void {
    this.#tests.end(agent);
  }

  /** An agent has sent a probe, or could not. */
  answered(agent: string, message: Probed): void {
    this.#tests.answered(agent, message, this.#tools.now());
  }

  /** The packet worker has seen a probe. */
  seen(nonce: number): void {
    this.#tests.seen(nonce);
  }

  /** Another configuration is in force: what is new in it is tested. */
  configure(config: NatConfig): void {
    for (const { name, addresses, connected } of this.#tools.agents.all()) {
      if (connected) this.#tests.follow(name, casesFor(config, addresses), this.#tools.now());
    }
  }

  /** To be called ten times a second. */
  tick(): void {
    this.#tests.tick(this.#tools.now());
  }

  /** Sessions of the server with this address have shown that direct packets arrive. */
  proven(address: string): void {
    for (const { name, addresses, connected } of this.#tools.agents.all()) {
      if (connected && addresses.includes(address)) this.#tests.prove(name);
    }
  }

  /** What `inspect servers` says of a server at a virtual address. */
  view({ server, vip }: { server: string; vip: string }): AgentView {
    const { agents, paths, now } = this.#tools;
    const view = agents.view(server);
    if (view.bypass !== "able") return view;
    const path = paths.view(hostOf(server), now());
    const test = this.#tests.state(agents.speakingFor(server)!.name, vip);
    if (path.bypass === "able") {
      if (test?.state === "pending") {
        return { ...view, bypass: "unknown", reason: "the direct path is being tested" };
      }
      if (test?.state === "failed") return { ...view, bypass: "unknown", reason: test.reason };
    }
    const untested = test?.state === "untested" ? `direct path not tested: ${test.reason}` : null;
    const reasons = [path.reason, untested].filter((it) => it !== null);
    return { ...view, bypass: path.bypass, reason: reasons.join("; ") || null };
  }

  #changed(agent: string, vip: string, state: TestState): void {
    const { agents, paths, event, reconsider } = this.#tools;
    const reason = this.#tests.state(agent, vip)?.reason ?? null;
    event(`path-test-${state}`, { agent, vip, ...(reason !== null && { reason }) });
    const own = (server: string) => agents.speakingFor(server)?.name === agent;
    const addresses = agents.get(agent)?.addresses ?? [];
    if (state !== "failed") paths.trust((server) => addresses.includes(server));
    reconsider(own);
  }
}

function objection(retryMs: number): Objection {
  return { reason: REASON.pathUnable, value: 0, retryMs };
}

/** Each virtual address of an agent's services, and addresses of ours that its test packets go to. */
function casesFor(config: NatConfig, addresses: readonly string[]): TestCase[] {
  const { services, snat } = announcementFor(config, addresses);
  const vips = new Set(services.map(({ vip }) => String(parseEndpoint(vip).address)));
  return [...vips].map((vip) => {
    const isV6 = vip.includes(":");
    const ours = snat.find(({ first }) => first.includes(":") === isV6)?.first;
    // A router before the clients knows the way to virtual addresses, and not always to SNAT addresses.
    const other = [...vips].find((it) => it !== vip && it.includes(":") === isV6);
    return { vip, destinations: [ours, other].filter((it) => it !== undefined) };
  });
}

function randomNonce(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  const nonce = (high! & 0xffff) * 2 ** 32 + low!;
  return Math.min(Math.max(nonce, 1), MAXIMUM_PROBE_NONCE);
}
