import { closest } from "../config/suggest.ts";
import { AdminError, type AdminRequest } from "../control/admin_protocol.ts";
import type { AdminHandler } from "../control/admin_server.ts";
import { eventFilter } from "../control/event_filter.ts";
import type { LoggedEvent } from "../control/event_log.ts";
import { bootTimeMs } from "../linux/clock.ts";
import { COUNTER, droppedByReason, workerCounts } from "../session/counters.ts";
import { DROP } from "../session/drop_reason.ts";
import { formatEndpoint, parseEndpoint } from "../wire/address.ts";
import { reasonName } from "../wire/reason.ts";
import { explainPacket, type NamedPacket } from "./explain.ts";
import { explainContext } from "./explain_context.ts";
import { explainIcmp, type IcmpPacket } from "./explain_icmp.ts";
import { journalEvents } from "./journal_events.ts";
import type { Reloaded } from "./reload.ts";
import type { NatMachine } from "./nat_machine.ts";
import { serverViews, serviceViews, viewSources } from "./nat_views.ts";
import { leases } from "./view_context.ts";
import { NO_CENSUS, type TableCensus } from "./table_census.ts";
import { type BypassTarget, canonicalServer, namesServer } from "./operator_state.ts";
import { VERSION } from "../config/version.ts";

/** How long `nat bypass stop` waits for agents to acknowledge. */
const ACKNOWLEDGE_MS = 5_000;
const DEFAULT_EVENTS = 100;
/** What must not be asked of a machine that stands still. */
const CHANGING = new Set(["reload", "bypass", "drain", "undrain"]);
const FOLLOW_MS = 100;

/** Answers what `inspect` and the verbs of `nat` ask a running machine. */
export function adminHandler(
  machine: NatMachine,
  reload: (isRehearsal: boolean) => Promise<Reloaded>,
): AdminHandler {
  return (request, stream) => {
    if (machine.relief.isFrozen && CHANGING.has(request.verb)) {
      throw new AdminError("Another process is taking over: ask again in a moment");
    }
    switch (request.verb) {
      case "status":
        return censusFor(machine, request).then((census) => status(machine, census));
      case "services":
        return machine.census.take().then((it) => serviceViews(viewSources(machine), it));
      case "servers":
        return censusFor(machine, request).then((it) => serverViews(viewSources(machine), it));
      case "sessions":
        return sessions(machine);
      case "instructions":
        return instructions(machine);
      case "events":
        return request.follow === true
          ? followEvents(machine, eventFilter(request), stream)
          : recentEvents(machine, eventFilter(request), limitOf(request));
      case "explain":
        return explain(machine, request);
      case "capture":
        return machine.captures.run(request, stream);
      case "capture-stop":
        return machine.captures.stop(request.id);
      case "reload":
        return reload(request.dryRun === true);
      case "bypass":
        return bypass(machine, request);
      case "drain":
      case "undrain":
        return drain(machine, request);
      default:
        throw new AdminError(`A NAT machine does not know "${request.verb}"`, 2);
    }
  };
}

/** Whoever asks again and again and counts for himself asks with `counts: false`. */
async function censusFor({ census }: NatMachine, { counts }: AdminRequest): Promise<TableCensus> {
  return counts === false ? NO_CENSUS : await census.take();
}

function status(machine: NatMachine, census: TableCensus) {
  const { counters, config } = machine;
  const malformed: Record<string, number> = {};
  for (let reason = 1; reason < DROP.noService; reason++) {
    const count = counters[COUNTER.drops + reason]!;
    if (count > 0) malformed[reasonName(reason)] = count;
  }
  const now = bootTimeMs();
  return {
    role: "nat",
    version: VERSION,
    ready: machine.ready,
    uptimeMs: Math.round(now - machine.startedMs),
    interfaces: config.interfaces,
    hostShield: counters[COUNTER.hostShield] === 1,
    services: config.services.length,
    sessions: { total: census.total, bypass: census.bypass, capacity: config.capacity },
    packets: {
      received: counters[COUNTER.received],
      forwarded: counters[COUNTER.forwarded],
      answered: counters[COUNTER.answered],
      replies: counters[COUNTER.replies],
      dropped: droppedByReason(counters),
    },
    malformed,
    bytes: {
      received: counters[COUNTER.bytesReceived],
      forwarded: counters[COUNTER.bytesForwarded],
    },
    worker: workerCounts(counters),
    workers: machine.counted.map(workerCounts),
    instructions: machine.book.size,
    captures: machine.captures.size,
    control: machine.agentEvents.counts,
    operator: machine.operator.orders,
    agents: machine.agents.all().map((agent) => ({
      name: agent.name,
      addresses: agent.addresses,
      connected: agent.connected,
      able: agent.able,
      reason: agent.reason ?? machine.progress.paths.reasonFor(agent.addresses, now),
      silent: agent.silent,
      lastReportMs: agent.lastReportMs === null ? null : Math.round(now - agent.lastReportMs),
    })),
  };
}

function sessions(machine: NatMachine) {
  const { config, state } = machine;
  return {
    state: config.state,
    epoch: state.records.epoch,
    nowMs: bootTimeMs(),
    services: config.services.map(({ name, protocol, vip }) => ({
      name,
      protocol,
      vip: formatEndpoint(vip),
    })),
    leases: leases(machine),
  };
}

function instructions(machine: NatMachine) {
  const now = bootTimeMs();
  return [...machine.book.instructions(now)].map((view) => ({
    session: view.session,
    generation: view.generation,
    state: view.state,
    agent: view.agent,
    protocol: view.protocol,
    match: view.match,
    rewrite: view.rewrite,
    pathMtu: view.pathMtu ?? null,
    packets: view.counters.packets,
    bytes: view.counters.bytes,
    lastUsedMs: view.counters.lastUsedMs === null
      ? null
      : Math.max(0, Math.round(now - view.counters.lastUsedMs)),
    leaseMs: Math.round(view.leaseMs),
  }));
}

function limitOf(request: AdminRequest): number {
  const { limit } = request;
  return typeof limit === "number" && limit >= 0 ? limit : DEFAULT_EVENTS;
}

type EventTest = ReturnType<typeof eventFilter>;

function recentEvents(machine: NatMachine, isWanted: EventTest, limit: number): LoggedEvent[] {
  const all = [...machine.events.kept, ...journalEvents(machine)].filter(isWanted);
  return all.sort((a, b) => a.time - b.time).slice(limit === 0 ? 0 : -limit);
}

async function followEvents(
  machine: NatMachine,
  isWanted: EventTest,
  { follow, signal }: Parameters<AdminHandler>[1],
): Promise<void> {
  const waiting: LoggedEvent[] = [];
  const leave = machine.events.follow((event) => waiting.push(event));
  let seen = machine.journals.position;
  try {
    while (!signal.aborted) {
      const next = machine.journals.position;
      const news = journalEvents(machine, seen, next);
      seen = next;
      const events = [...waiting.splice(0), ...news].filter(isWanted);
      events.sort((a, b) => a.time - b.time);
      for (const event of events) await follow(event);
      await new Promise((resolve) => setTimeout(resolve, FOLLOW_MS));
    }
  } finally {
    leave();
  }
}

async function explain(machine: NatMachine, request: AdminRequest) {
  const asked = request.packet as NamedPacket | IcmpPacket;
  const context = await explainContext(machine);
  return asked.protocol === "icmp"
    ? explainIcmp({
      ...asked,
      ...(asked.about !== undefined && { about: canonicalPacket(asked.about) }),
    }, context)
    : explainPacket(canonicalPacket(asked), context);
}

/** Endpoints as this program writes them, so that they can be compared as text. */
function canonicalPacket(packet: NamedPacket): NamedPacket {
  const { protocol, source, destination, fragment } = packet;
  try {
    return {
      protocol,
      source: formatEndpoint(parseEndpoint(source)),
      destination: formatEndpoint(parseEndpoint(destination)),
      ...(fragment === true && { fragment }),
    };
  } catch (error) {
    throw new AdminError((error as Error).message, 2);
  }
}

async function bypass(machine: NatMachine, request: AdminRequest) {
  const target = checkedTarget(machine, request);
  if (request.action === "start") {
    const { sessions, held } = machine.bypass.operatorStart(target);
    machine.events.add("operator-start", { ...target });
    const but = held === 0 ? "" : `; another stop keeps ${held} via NAT`;
    return { message: `The criteria decide again for ${sessions} sessions${but}`, sessions, held };
  }
  machine.events.add("operator-stop", { ...target });
  const { stopped, unacknowledged } = await machine.bypass.operatorStop(target, ACKNOWLEDGE_MS);
  if (unacknowledged.length > 0) {
    throw new AdminError(
      `Not acknowledged within ${ACKNOWLEDGE_MS} ms: ${
        unacknowledged.join(", ")
      }; its instructions lapse with their lease`,
    );
  }
  return { message: `${stopped} sessions no longer bypass, acknowledged`, stopped };
}

/** What the request is about, and that there is such a thing. */
function checkedTarget(machine: NatMachine, request: AdminRequest): BypassTarget {
  if (request.all === true) return { all: true };
  if (typeof request.service === "string") {
    const { service } = request;
    const names = machine.config.services.map(({ name }) => name);
    if (!names.includes(service)) {
      const near = closest(service, names);
      const hint = near === undefined ? `there is ${names.join(", ")}` : `did you mean "${near}"?`;
      throw new AdminError(`There is no service "${service}": ${hint}`, 2);
    }
    return { service };
  }
  if (typeof request.server === "string") return { server: knownServer(machine, request.server) };
  if (typeof request.session === "string") {
    const { session } = request;
    if (machine.bypass.find(session) === 0 && request.action !== "start") {
      throw new AdminError(`There is no session "${session}": see bypath inspect sessions`, 2);
    }
    return { session };
  }
  throw new AdminError("Name a session, a server, a service, or all", 2);
}

function knownServer(machine: NatMachine, text: string): string {
  let server: string;
  try {
    server = canonicalServer(text);
  } catch (error) {
    throw new AdminError((error as Error).message, 2);
  }
  const all = serversOf(machine);
  if (!all.some((it) => namesServer(server, it))) {
    throw new AdminError(`There is no server ${server}: there is ${all.join(", ")}`, 2);
  }
  return server;
}

/** Every `address:port` of the configuration, once. */
function serversOf({ config }: NatMachine): string[] {
  return [
    ...new Set(
      config.services.flatMap(({ servers }) =>
        servers.map(({ address }) => formatEndpoint(address))
      ),
    ),
  ];
}

function drain(machine: NatMachine, request: AdminRequest) {
  const server = knownServer(machine, String(request.server));
  if (request.verb === "drain") {
    machine.drain(server);
    return { message: `${server} takes no new sessions` };
  }
  const was = machine.undrain(server);
  // A server drains by its address, by its address and port, or by both.
  const still = serversOf(machine).filter((it) =>
    namesServer(server, it) && machine.operator.drains(it)
  );
  const but = still.length === 0 ? "" : `${still.join(", ")} still drains by another name`;
  if (!was) throw new AdminError(`${server} is not draining${but && `, but ${but}`}`);
  return { message: but || `${server} takes new sessions again` };
}
