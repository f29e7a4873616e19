import type { ServiceConfig } from "../config/nat_config.ts";
import { bootTimeMs } from "../linux/clock.ts";
import { FLAG, U16, U8 } from "../session/layout.ts";
import { type SessionView, SessionViewer, usedSlots } from "../session/session_view.ts";
import { parseEndpoint } from "../wire/address.ts";
import { protocolNumber } from "../wire/protocol.ts";
import type { ExplainContext, NamedPacket } from "./explain.ts";
import type { SessionEvent } from "./explain_path.ts";
import type { NatMachine } from "./nat_machine.ts";
import { natEndpointCapacity } from "./nat_endpoint_capacity.ts";
import { serverViews, viewSources } from "./nat_views.ts";
import { viewContext } from "./view_context.ts";

/** What explaining needs to know of a running machine, as it is now. */
export async function explainContext(machine: NatMachine): Promise<ExplainContext> {
  const rows = serverViews(viewSources(machine), await machine.census.take());
  const { records } = machine.state;
  return {
    config: machine.config,
    table: { used: records.used, capacity: machine.config.capacity },
    natEndpoints: (service, server) => natEndpoints(machine, service, server),
    happened: (session) => happened(machine, session),
    doubtedPaths: (server, client) =>
      machine.progress.paths.doubted(
        parseEndpoint(server).address,
        parseEndpoint(client).address,
        bootTimeMs(),
      ),
    find: (named, direction) => findSession(machine, named, direction),
    server: (service, address) =>
      rows.find((it) => it.service === service && it.address === address) ?? {
        health: "unknown",
        healthReason: null,
        draining: false,
        removed: false,
        share: 0,
        sessions: 0,
        agent: machine.agents.view(address),
      },
    criteria: (session) => machine.bypass.facts(session.id),
    keptFor: ({ address }, service) => machine.servers.earlierServer(service, address.words),
    scheduled: ({ address, port }, service) =>
      machine.servers.services.get(service.name)?.wouldChoose(address.words, port) ?? null,
    byAffinity: ({ id }) =>
      (records.getU8(machine.bypass.find(id), U8.flags) & FLAG.byAffinity) !== 0,
    stoppedBy: (session, service, server) => machine.operator.stoppedBy(session, service, server),
  };
}

/** Services that have a server's endpoint in common share its NAT endpoints. */
function natEndpoints({ servers, config }: NatMachine, service: ServiceConfig, server: string) {
  let used = 0;
  for (const { board, config: { protocol } } of servers.services.values()) {
    const at = board.names.indexOf(server);
    if (at >= 0 && protocol === service.protocol) used += board.sessions[at]!;
  }
  return { used, capacity: natEndpointCapacity(config.snat, service.vip.address.family) };
}

function happened(machine: NatMachine, session: string): SessionEvent[] {
  const now = Date.now();
  return machine.events.kept.filter((it) => it.session === session).map(
    ({ type, time, reason }) => ({
      type,
      agoMs: Math.max(0, now - time),
      reason: typeof reason === "string" ? reason : null,
    }),
  );
}

/** Compares records as numbers, so that a million sessions do not hold the machine up. */
function findSession(
  machine: NatMachine,
  packet: NamedPacket,
  direction: "inbound" | "outbound",
): SessionView | null {
  const { records } = machine.state;
  const viewer = new SessionViewer(records);
  const protocol = protocolNumber(packet.protocol);
  // What differs from session to session is one port, on whichever side.
  const [port, field] = direction === "inbound"
    ? [parseEndpoint(packet.source).port, U16.clientPort]
    : [parseEndpoint(packet.destination).port, U16.natPort];
  const context = viewContext(machine);
  for (const slot of usedSlots(records)) {
    if (records.getU16(slot, field) !== port) continue;
    if (records.getU8(slot, U8.protocol) !== protocol) continue;
    const view = viewer.view(slot, context);
    if (view === null) continue;
    const found = direction === "inbound"
      ? view.client === packet.source && view.vip === packet.destination
      : view.server === packet.source && view.nat === packet.destination;
    if (found) return view;
  }
  return null;
}
