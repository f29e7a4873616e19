import type { StartConfig } from "../config/criteria_config.ts";
import { humanDuration } from "../config/human.ts";
import type { SessionView } from "../session/session_view.ts";
import type { PathState } from "../policy/path_breakers.ts";
import type { ExplainContext, ExplainStep } from "./explain.ts";
import { changeStep, startSteps, stopStep } from "./explain_criteria.ts";

/** Something that happened to a session. */
export interface SessionEvent {
  readonly type: string;
  readonly agoMs: number;
  readonly reason: string | null;
}

/** A direct path that is not simply used, and between whom it is. */
export interface DoubtedPath extends PathState {
  readonly path: string;
}

/** Why the session is on its path, since when, and what would change it. */
export function pathSteps(session: SessionView, context: ExplainContext): ExplainStep[] {
  const service = context.config.services.find((it) => it.name === session.service);
  const { start, stop } = service?.bypass ?? { start: { never: true as const }, stop: {} };
  const { agent, draining } = context.server(session.service, session.server);
  const facts = context.criteria(session);
  const stoppedBy = context.stoppedBy(session.id, session.service, session.server);
  const ordered = stoppedBy ?? (draining ? `nat drain of ${session.server}` : null);
  const unable = agent.connected ? agent.bypass === "able" ? null : agent.reason : NO_AGENT;
  const breakers = context.doubtedPaths(session.server, session.client);
  return [
    ...startSteps(start, session, facts),
    operatorStep(stoppedBy, draining),
    {
      step: "agent",
      result: agent.connected ? agent.bypass : "not connected",
      detail: `${agent.reason ?? (agent.connected ? `speaks for ${session.server}` : NO_AGENT)}; ` +
        `${facts.instructions} of at most ${facts.limit} instructions`,
    },
    directPathStep(breakers),
    {
      step: "path",
      result: session.path === "bypass" ? "bypass" : "nat",
      detail: `${session.reason}${instructionText(session)}`,
    },
    sinceStep(session, facts.instructionAgeMs, context.happened(session.id)),
    {
      step: "pause",
      result: facts.pauseMs > 0 ? `${humanDuration(facts.pauseMs)} left` : "none",
      detail: facts.pauseMs > 0
        ? "until its end the criteria do not decide"
        : "the criteria decide at any time",
    },
    ...(session.pathMtu === null ? [] : [{
      step: "path MTU",
      result: `${session.pathMtu} bytes`,
      detail: "larger packets to the client leave in smaller segments, by either way",
    }]),
    stopStep(stop, session, facts),
    changeStep({ start, stop }, session, {
      ...facts,
      against: ordered ?? unable ?? openPath(breakers),
    }),
  ];
}

const NO_AGENT = "no agent is connected that speaks for this server";

/** What keeps responses of a session that does not exist yet via NAT, and what would not. */
export function expectedPath(
  server: string,
  { client, service, start }: { client: string; service: string; start: StartConfig },
  context: ExplainContext,
): { readonly steps: ExplainStep[]; readonly verdict: string } {
  const { agent, draining } = context.server(service, server);
  const stoppedBy = context.stoppedBy("", service, server);
  const breakers = context.doubtedPaths(server, client);
  const able = agent.connected && agent.bypass === "able";
  const steps: ExplainStep[] = [
    operatorStep(stoppedBy, draining),
    {
      step: "agent",
      result: agent.connected ? agent.bypass : "not connected",
      detail: agent.reason ?? (agent.connected ? `speaks for ${server}` : NO_AGENT),
    },
    directPathStep(breakers),
  ];
  const verdict = start.never
    ? "never bypassing, by configuration"
    : stoppedBy !== null
    ? "stopped by the operator"
    : draining
    ? "while the server is draining"
    : !able
    ? "while its agent cannot bypass"
    : openPath(breakers) !== null
    ? "while its direct path is not used"
    : start.immediately
    ? "until it is established"
    : "until the start criteria are met";
  return { steps, verdict };
}

function operatorStep(stoppedBy: string | null, draining: boolean): ExplainStep {
  const orders = [
    ...(stoppedBy === null ? [] : [`${stoppedBy}, until nat bypass start`]),
    ...(draining ? ["nat drain, until nat undrain"] : []),
  ];
  return {
    step: "operator",
    result: stoppedBy !== null ? "stopped" : draining ? "draining" : "allows",
    detail: orders.length === 0 ? "no order stands" : orders.join("; "),
  };
}

/** Whether what is sent directly arrives, as far as sessions have shown. */
function directPathStep(breakers: readonly DoubtedPath[]): ExplainStep {
  const open = breakers.find(({ state }) => state === "open");
  const worst = open ?? breakers.find(({ state }) => state === "trial") ?? breakers[0];
  return {
    step: "direct path",
    result: worst === undefined
      ? "trusted"
      : worst.state === "open"
      ? "not used"
      : worst.state === "trial"
      ? "on trial"
      : "in doubt",
    detail: breakers.length === 0
      ? "nothing sent on it has failed to arrive lately"
      : breakers.map(doubtText).join("; "),
  };
}

function doubtText({ path, state, failures, waitMs }: DoubtedPath): string {
  const times = `${failures} session${failures === 1 ? "" : "s"} in a row without progress`;
  const next = state === "open"
    ? `, tried with one session in ${humanDuration(waitMs)}`
    : state === "trial"
    ? ", one session at a time tries it"
    : ", used";
  return `${path}: ${times}${next}`;
}

function openPath(breakers: readonly DoubtedPath[]): string | null {
  const open = breakers.filter(({ state }) => state === "open");
  if (open.length === 0) return null;
  const waitMs = Math.max(...open.map((it) => it.waitMs));
  return `the trial of its direct path in ${humanDuration(waitMs)}`;
}

function instructionText({ instruction }: SessionView): string {
  if (instruction === null) return "";
  const { generation, state, leaseMs } = instruction;
  return `; instruction ${generation} ${state}, lease ${humanDuration(leaseMs)}`;
}

/** Events by which the path changes; others say why it did not. */
const CHANGES: Readonly<Record<SessionView["path"], string>> = {
  bypass: "bypass-started",
  nat: "bypass-stopped",
};

/** @param happened oldest first */
function sinceStep(
  session: SessionView,
  instructionAgeMs: number,
  happened: readonly SessionEvent[],
): ExplainStep {
  const change = happened.findLast(({ type }) => type === CHANGES[session.path]);
  const last = happened.at(-1);
  const neverBypassed = session.packets.viaBypass === 0 && session.instruction === null;
  const sinceMs = session.path === "bypass"
    ? instructionAgeMs
    : change?.agoMs ?? (neverBypassed ? session.ageMs : null);
  const details = [
    ...(change === undefined
      ? [
        sinceMs === null
          ? "it has bypassed before, and when that ended is not remembered"
          : session.path === "bypass"
          ? "when its instruction took effect"
          : "since it began",
      ]
      : [eventText(change)]),
    ...(last === undefined || last === change ? [] : [`last event: ${eventText(last)}`]),
  ];
  return {
    step: "since",
    result: sinceMs === null ? "not known" : humanDuration(sinceMs),
    detail: details.join("; "),
  };
}

function eventText({ type, agoMs, reason }: SessionEvent): string {
  return `${type} ${humanDuration(agoMs)} ago${reason === null ? "" : `: ${reason}`}`;
}
