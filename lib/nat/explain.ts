import { humanDuration } from "../config/human.ts";
import type { NatConfig, ServiceConfig } from "../config/nat_config.ts";
import { type Endpoint, formatEndpoint, type IpAddress, parseEndpoint } from "../wire/address.ts";
import { rangeContains } from "../wire/prefix.ts";
import type { SessionView } from "../session/session_view.ts";
import { criteriaText } from "./criteria_text.ts";
import type { CriteriaFacts } from "./explain_criteria.ts";
import { explainChoice, keptStep } from "./explain_choice.ts";
import { type DoubtedPath, expectedPath, pathSteps, type SessionEvent } from "./explain_path.ts";

/** A packet as an operator names it. */
export interface NamedPacket {
  readonly protocol: "tcp" | "udp";
  readonly source: string;
  readonly destination: string;
  /** It is a fragment. */
  readonly fragment?: boolean;
}

/** One rule that was looked at. */
export interface ExplainStep {
  readonly step: string;
  readonly result: string;
  readonly detail: string;
}

export interface Explanation {
  readonly steps: readonly ExplainStep[];
  readonly verdict: string;
  readonly session: SessionView | null;
}

/** What explaining needs to know of the running machine. */
export interface ExplainContext {
  readonly config: NatConfig;
  /** The session that a packet of this direction belongs to. */
  find(packet: NamedPacket, direction: "inbound" | "outbound"): SessionView | null;
  /** Health, draining and agent of a server of a service. */
  server(service: string, address: string): {
    health: string;
    healthReason: string | null;
    draining: boolean;
    removed: boolean;
    share: number;
    sessions: number;
    agent: { connected: boolean; bypass: string; reason: string | null };
  };
  /** How many sessions there are, and how many there can be. */
  readonly table: { readonly used: number; readonly capacity: number };
  /** NAT endpoints towards a server of a service, those that sessions have and all that there are. */
  natEndpoints(service: ServiceConfig, server: string): { used: number; capacity: number };
  /** What is remembered of a session, oldest first. */
  happened(session: string): readonly SessionEvent[];
  /** What is not simply used of the direct paths from a server to a client. */
  doubtedPaths(server: string, client: string): readonly DoubtedPath[];
  /** What the criteria look at of a session. */
  criteria(session: SessionView): CriteriaFacts;
  /** The server of the client's earlier sessions, where that counts. */
  keptFor(client: Endpoint, service: ServiceConfig): string | null;
  /** The server that the scheduler has for the client now; null: none. */
  scheduled(client: Endpoint, service: ServiceConfig): string | null;
  /** Whether the session's server was that of its client's earlier sessions. */
  byAffinity(session: SessionView): boolean;
  /** The operator's order that keeps a session via NAT; null: none does. */
  stoppedBy(session: string, service: string, server: string): string | null;
}

/** What would happen to this packet now, rule by rule. */
export function explainPacket(packet: NamedPacket, context: ExplainContext): Explanation {
  const destination = parseEndpoint(packet.destination);
  const outbound = context.config.snat.addresses.some((range) =>
    rangeContains(range, destination.address)
  );
  return outbound
    ? explainOutbound(packet, context)
    : explainInbound(packet, context, destination.address);
}

function explainOutbound(packet: NamedPacket, context: ExplainContext): Explanation {
  const steps: ExplainStep[] = [{
    step: "direction",
    result: "outbound",
    detail: `${packet.destination} is one of the SNAT addresses: a response of a server`,
  }];
  const session = context.find(packet, "outbound");
  if (session === null) {
    steps.push({
      step: "session",
      result: "none",
      detail: `no session of server ${packet.source} has NAT endpoint ${packet.destination}`,
    });
    const ofServer = context.config.services.some(({ servers }) =>
      servers.some(({ address }) => formatEndpoint(address) === packet.source)
    );
    const verdict = packet.protocol === "tcp" && ofServer
      ? refused("noSession", packet, context)
      : "dropped: noSession";
    return { steps, verdict, session };
  }
  steps.push(
    sessionStep(session),
    ...fragmentSteps(packet),
    ...pathSteps(session, context),
  );
  const bypasses = session.path === "bypass" && !packet.fragment;
  return {
    steps,
    verdict: `sent to ${session.client} as ${session.vip} > ${session.client}, ${
      bypasses ? "by the agent, bypassing the NAT machine" : "via NAT"
    }`,
    session,
  };
}

function explainInbound(
  packet: NamedPacket,
  context: ExplainContext,
  address: IpAddress,
): Explanation {
  const steps: ExplainStep[] = [];
  const service = context.config.services.find((it) =>
    it.protocol === packet.protocol && formatEndpoint(it.vip) === packet.destination
  );
  if (service === undefined) {
    const same = context.config.services.filter((it) => it.vip.address.equals(address));
    const detail = same.length === 0
      ? `no service has the VIP ${address}`
      : `the VIP ${address} serves ${
        same.map((it) => `${it.protocol} ${it.vip.port} (${it.name})`).join(", ")
      }`;
    steps.push({ step: "service", result: "none", detail });
    const verdict = same.length === 0
      ? "dropped: noService"
      : refused("noService", packet, context);
    return { steps, verdict, session: null };
  }
  steps.push({
    step: "service",
    result: service.name,
    detail: `${service.protocol} ${formatEndpoint(service.vip)}, scheduler ${service.scheduler}`,
  });
  const session = context.find(packet, "inbound");
  if (session !== null) {
    steps.push(
      sessionStep(session),
      ...fragmentSteps(packet),
      keptStep(session, service, context),
      ...pathSteps(session, context),
    );
    return {
      steps,
      verdict: `sent to ${session.server} as ${session.nat} > ${session.server}; responses ${
        session.path === "bypass" ? "bypass the NAT machine" : "go via NAT"
      }`,
      session,
    };
  }
  steps.push({
    step: "session",
    result: "none",
    detail: service.protocol === "tcp"
      ? `a SYN starts one; any other segment is ${refused("noSession", packet, context)}`
      : "this datagram starts one",
  });
  const own = parseEndpoint(packet.source).address;
  if (isOurs(own, context.config)) {
    steps.push({
      step: "source",
      result: "our own",
      detail: `${own} is a VIP or a SNAT address: nobody but this machine sends with it`,
    });
    return { steps, verdict: "dropped: martianSource", session: null };
  }
  const { used, capacity } = context.table;
  steps.push({
    step: "table",
    result: used < capacity ? "has room" : "full",
    detail: `${used} of ${capacity} sessions`,
  }, ...fragmentSteps(packet));
  if (used >= capacity) {
    return { steps, verdict: refused("tableFull", packet, context), session: null };
  }
  const choice = explainChoice(parseEndpoint(packet.source), service, context);
  steps.push(...choice.steps);
  const { server } = choice;
  if (server === null) {
    return { steps, verdict: refused("noServer", packet, context), session: null };
  }
  const room = context.natEndpoints(service, server);
  const isFull = room.used >= room.capacity;
  steps.push({
    step: "NAT endpoint",
    result: isFull ? "none free" : "free",
    detail: `${room.used} of ${room.capacity} taken towards ${server}, those that rest included`,
  });
  if (isFull) return { steps, verdict: refused("noPort", packet, context), session: null };
  const { start } = service.bypass;
  const expected = expectedPath(
    server,
    { client: packet.source, service: service.name, start },
    context,
  );
  steps.push(
    {
      step: "start criteria",
      result: criteriaText(start),
      detail: "nothing of it has been seen yet",
    },
    ...expected.steps,
  );
  return {
    steps,
    verdict: `a new session with ${server}, responses via NAT, ${expected.verdict}`,
    session: null,
  };
}

/** A packet that is not served, and what its sender hears of it. */
function refused(
  reason: "noService" | "noServer" | "noPort" | "noSession" | "tableFull",
  { protocol }: NamedPacket,
  { config }: ExplainContext,
): string {
  const answer = config.refuse === "drop"
    ? "not answered"
    : protocol === "tcp"
    ? "answered with a TCP reset"
    : reason === "noService"
    ? "answered with ICMP port unreachable"
    : "answered with ICMP administratively prohibited";
  return `dropped: ${reason}, ${answer}`;
}

/** Addresses that only this machine sends with. */
function isOurs(address: IpAddress, { services, snat }: NatConfig): boolean {
  return services.some(({ vip }) => vip.address.equals(address)) ||
    snat.addresses.some((range) => rangeContains(range, address));
}

function fragmentSteps({ fragment }: NamedPacket): ExplainStep[] {
  if (!fragment) return [];
  return [{
    step: "fragment",
    result: "via NAT",
    detail: "it has the way of its datagram's first fragment, for which it is kept a moment; " +
      "agents send fragments to the NAT machine as they are",
  }];
}

function sessionStep(session: SessionView): ExplainStep {
  return {
    step: "session",
    result: session.id,
    detail: `${session.state}, ${humanDuration(session.ageMs)} old, idle ${
      humanDuration(session.idleMs)
    }; client ${session.client}, vip ${session.vip}, nat ${session.nat}, server ${session.server}`,
  };
}
