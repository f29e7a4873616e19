import type { BypathLab } from "../../bypath_lab.ts";
import { CheckedTraffic, type FlowResult } from "../../checked_traffic.ts";
import { checkFlows, type FlowLimits } from "../../flow_checks.ts";
import type { InspectedSession } from "../../inspect_json.ts";
import type { AgentYaml, NatYaml, ServerName } from "../../lab_files.ts";
import { checkHostsAsBefore, checkTablesEmpty, readSettledHostStates } from "../../leftovers.ts";
import { LabProcessError } from "../../lab_process.ts";
import type { Report } from "../../report.ts";
import { formatDuration } from "../../terminal.ts";
import { configureForTraffic, type PlannedFlow } from "../../traffic_mix.ts";
import type { Scenario, ScenarioOptions } from "../scenario.ts";

/** No session may hang for longer than this beyond the fault. */
export const HANG_LIMIT_MS = 3_000;

/** What a fault finds and may use. */
export interface FaultScene {
  readonly lab: BypathLab;
  readonly report: Report;
  readonly traffic: CheckedTraffic;
  readonly brief: boolean;
}

/** What the fault leaves to judge. */
export interface FaultOutcome {
  /**
   * For how long no packet of a flow could pass, whatever anybody did. Default: 0, as of every fault
   * that leaves another way.
   */
  readonly blockedMs?: (flow: FlowResult) => number;
  /** How many datagrams may be lost. Default: what is sent while blocked and one second more. */
  readonly lost?: FlowLimits["lost"];
  /** How many datagrams may come twice. Default: none. */
  readonly doubled?: number;
  /** Flows whose session nobody could keep: they may end with an error, but not hang. Default: none. */
  readonly mayBreak?: (flow: PlannedFlow) => boolean;
}

/** A scenario that does something bad to a lab with checked traffic in it. */
export interface FaultStory<Prepared extends AsyncDisposable | void = void> {
  readonly name: string;
  readonly description: string;
  readonly needs?: readonly string[];
  /** Changes to nat.yaml, beyond those that the traffic needs. */
  configureNat?(config: NatYaml, options: ScenarioOptions): void;
  configureAgent?(config: AgentYaml, server: ServerName): void;
  /** Before anything is started; what it returns is disposed of when the daemons have ended. */
  prepare?(lab: BypathLab, options: ScenarioOptions): Promise<Prepared>;
  /** Does it, and mends it; returns when the flows are to be as they were. */
  fault(scene: FaultScene, prepared: Prepared): Promise<FaultOutcome | void>;
  /** Whether sessions bypass again afterwards. Default: true. */
  readonly bypassReturns?: boolean;
  /** How long that may take. Default: 20 s. */
  readonly returnMs?: number;
}

/** Half a second: what one report, one look or one scheduling delay takes. */
const DATAGRAM_SLACK_MS = 1_000;

/**
 * The frame of every fault: checked traffic before, in and after it; nothing lost, no session
 * hanging, the bypass back, and nothing left over, neither in the tables nor on the hosts.
 */
export function faultScenario<Prepared extends AsyncDisposable | void = void>(
  story: FaultStory<Prepared>,
): Scenario {
  const { name, description, needs, bypassReturns = true, returnMs = 20_000 } = story;
  return {
    name,
    group: "faults",
    description,
    ...(needs && { needs }),
    async run(lab, report, options) {
      const before = await readSettledHostStates(lab);
      const prepared = await story.prepare?.(lab, options) as Prepared;
      await lab.startNat((config) => {
        configureForTraffic(config);
        story.configureNat?.(config, options);
      });
      await lab.startAgents(story.configureAgent?.bind(story));
      const traffic = await CheckedTraffic.start(lab);
      await pause(options.brief ? 300 : 2_000);
      await traffic.mark();

      const outcome = await story.fault({ lab, report, traffic, ...options }, prepared) ?? {};

      await checkMoving(report, traffic, outcome);
      if (bypassReturns) await checkBypassReturns(report, traffic, returnMs);
      await pause(options.brief ? 300 : 2_000);
      const flows = await traffic.finish();
      const blockedMs = outcome.blockedMs ?? (() => 0);
      report.figure("blockedMs", Math.round(Math.max(...flows.map(blockedMs))));
      checkFlows(report, flows, {
        pauseMs: (flow) => longestPauseAllowed(flow, blockedMs(flow)),
        lost: outcome.lost ??
          ((flow) => Math.ceil((blockedMs(flow) + DATAGRAM_SLACK_MS) / 1000 * flow.rate)),
        ...(outcome.doubled !== undefined && { doubled: outcome.doubled }),
        ...(outcome.mayBreak && { mayBreak: outcome.mayBreak }),
      });
      await checkTablesEmpty(lab, report);
      await traffic.stopServers();
      await lab.stopDaemons();
      await prepared?.[Symbol.asyncDispose]();
      await checkHostsAsBefore(lab, report, before);
    },
  };
}

/**
 * While nothing passes TCP sends again at distances that double (RFC 6298 §5.5): after `blockedMs`
 * its next attempt may be as far away as that time was long, which nobody between the ends can help.
 * And what a flow paused before the fault, on a busy host, it may pause in it as well.
 */
function longestPauseAllowed(flow: FlowResult, blockedMs: number): number {
  return Math.max(blockedMs + HANG_LIMIT_MS, 2 * blockedMs + 2_000) + flow.quietPauseMs;
}

async function checkMoving(
  report: Report,
  traffic: CheckedTraffic,
  { mayBreak = () => false }: FaultOutcome,
): Promise<void> {
  try {
    report.figure("allMovingMs", Math.round(await traffic.moving({ except: mayBreak })));
  } catch (error) {
    if (!(error instanceof LabProcessError)) throw error;
    const still = (await traffic.now()).filter((flow) => flow.stillMs > HANG_LIMIT_MS);
    const found = still.map(({ name, stillMs }) =>
      `${name}: nothing for ${formatDuration(stillMs)}`
    );
    report.check("every flow goes on afterwards", false, found.join(", "));
  }
}

async function checkBypassReturns(
  report: Report,
  traffic: CheckedTraffic,
  timeoutMs: number,
): Promise<void> {
  let why = "";
  const tookMs = await traffic.bypassing({ timeoutMs }).catch((error) => {
    why = (error as Error).message;
    return -1;
  });
  report.figure("bypassReturnsMs", Math.round(tookMs));
  report.check(
    why === ""
      ? `every flow that is not idle bypasses again, ${formatDuration(tookMs)} later`
      : "every flow that is not idle bypasses again",
    why === "",
    why,
  );
}

/** Checks that the NAT machine shows every session of that server as on its own way, soon. */
export async function checkAllViaNat(
  { report, traffic }: FaultScene,
  server: ServerName,
  timeoutMs = HANG_LIMIT_MS,
): Promise<void> {
  let why = "";
  const tookMs = await traffic.allViaNat(server, timeoutMs).catch((error) => {
    why = (error as Error).message;
    return -1;
  });
  report.figure("allViaNatMs", Math.round(tookMs));
  report.check(
    why === ""
      ? `every session of ${server} is shown as via NAT ${formatDuration(tookMs)} later`
      : `every session of ${server} is shown as via NAT`,
    why === "",
    why,
  );
}

/** The sessions of the flows as the NAT machine has them, to compare with later ones. */
export async function liveSessions({ traffic }: FaultScene): Promise<InspectedSession[]> {
  return (await traffic.sessions()).filter((session) => session.state !== "closed");
}

/** Checks that the NAT machine knows these sessions, each with the endpoints that it had. */
export async function checkSessionsKept(
  scene: FaultScene,
  before: readonly InspectedSession[],
): Promise<void> {
  const after = await liveSessions(scene);
  const endpoints = ({ protocol, client, vip, nat, server }: InspectedSession) =>
    [protocol, client, vip, nat, server].join(" ");
  const known = new Set(after.map(endpoints));
  const lost = before.filter((session) => !known.has(endpoints(session)));
  scene.report.check(
    `the NAT machine knows all ${before.length} sessions with the endpoints that they had`,
    lost.length === 0,
    `lost: ${lost.map((each) => `${each.service} ${each.client}`).join(", ")}`,
  );
}

/** For faults in which nothing is received for a while: no UDP session is to expire in it. */
export function keepDatagrams(config: NatYaml): void {
  if (config.timeouts) config.timeouts.udp = "8s";
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
