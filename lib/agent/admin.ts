import { AdminError } from "../control/admin_protocol.ts";
import type { AdminHandler } from "../control/admin_server.ts";
import { eventFilter } from "../control/event_filter.ts";
import { VERSION } from "../config/version.ts";
import { bootTimeMs } from "../linux/clock.ts";
import { COUNTER, droppedByReason, workerCounts } from "../session/counters.ts";
import type { AgentMachine } from "./agent_machine.ts";
import { explainResponse, type ResponseContext } from "./explain_response.ts";

const DEFAULT_EVENTS = 100;

/** Answers what `inspect` asks a running agent. */
export function adminHandler(agent: AgentMachine): AdminHandler {
  return (request, stream) => {
    switch (request.verb) {
      case "status":
        return status(agent);
      case "instructions":
        return instructions(agent);
      case "events": {
        const isWanted = eventFilter(request);
        if (request.follow === true) return followEvents(agent, isWanted, stream);
        const limit = typeof request.limit === "number" ? request.limit : DEFAULT_EVENTS;
        return limit === 0 ? [] : agent.events.kept.filter(isWanted).slice(-limit);
      }
      case "capture":
        return agent.captures.run(request, stream);
      case "capture-stop":
        return agent.captures.stop(request.id);
      case "explain":
        return explainResponse(
          request.packet as Parameters<typeof explainResponse>[0],
          explainContext(agent),
        );
      default:
        throw new AdminError(
          `An agent cannot answer "${request.verb}": ask the NAT machine, by --socket`,
          2,
        );
    }
  };
}

function status(agent: AgentMachine) {
  const { counters, store } = agent;
  const received = counters[COUNTER.received]!;
  const direct = counters[COUNTER.bypassed]!;
  return {
    role: "agent",
    version: VERSION,
    ready: agent.ready,
    uptimeMs: Math.round(bootTimeMs() - agent.startedMs),
    device: agent.tunName,
    nat: agent.links(),
    bypass: agent.ability,
    instructions: store.size,
    captures: agent.captures.size,
    packets: {
      received,
      direct,
      viaNat: counters[COUNTER.forwarded]! - direct,
      dropped: droppedByReason(counters),
    },
    bytes: { direct: counters[COUNTER.bytesBypassed], received: counters[COUNTER.bytesReceived] },
    worker: workerCounts(counters),
    workers: agent.counted.map(workerCounts),
  };
}

function instructions(agent: AgentMachine) {
  const now = bootTimeMs();
  agent.recount(now);
  return [...agent.store.instructions(now)].map((it) => ({
    session: it.session,
    generation: it.generation,
    state: it.state,
    nat: it.nat,
    protocol: it.protocol,
    match: it.match,
    rewrite: it.rewrite,
    pathMtu: it.pathMtu ?? null,
    packets: it.packets,
    bytes: it.bytes,
    lastUsedMs: it.lastUsedMs === null ? null : Math.max(0, Math.round(now - it.lastUsedMs)),
    leaseMs: Math.round(it.leaseMs),
  }));
}

async function followEvents(
  agent: AgentMachine,
  isWanted: ReturnType<typeof eventFilter>,
  { follow, signal }: Parameters<AdminHandler>[1],
): Promise<void> {
  const gone = Promise.withResolvers<void>();
  const leave = agent.events.follow((event) => {
    if (isWanted(event)) follow(event).catch(() => gone.resolve());
  });
  signal.addEventListener("abort", () => gone.resolve());
  await gone.promise;
  leave();
}

function explainContext(agent: AgentMachine): ResponseContext {
  return {
    ability: agent.ability,
    device: agent.tunName,
    links: agent.links(),
    announced: agent.announced,
    instructions: () => agent.store.instructions(bootTimeMs()),
  };
}
