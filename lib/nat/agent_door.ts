import type { ControlConfig } from "../config/nat_config.ts";
import { VERSION } from "../config/version.ts";
import { ControlServer } from "../control/agent_server.ts";
import { programText } from "../control/features.ts";
import type { Checks, NatMessage } from "../control/messages.ts";
import type { IdentityPem } from "../control/own_identity.ts";
import { bootTimeMs } from "../linux/clock.ts";
import { formatEndpoint } from "../wire/address.ts";
import { announcementFor } from "./agent_registry.ts";
import type { NatMachine } from "./nat_machine.ts";

/** Where agents come in: what they say goes to the book, what the book says goes to them. */
export interface AgentDoor {
  /** @throws {Error} when the address cannot be listened on */
  open(): Promise<void>;
  close(reason: string): Promise<void>;
  /** What agents say waits until `release`. */
  hold(): void;
  release(): void;
  /** At once; does nothing when that agent is not connected. */
  send(agent: string, message: NatMessage): void;
  /** Tells every agent what it may translate now. */
  announce(): void;
  /**
   * Receives agents elsewhere, as somebody else or with another lease; those inside stay if they can.
   * @returns what takes it back
   * @throws {Error} when that is not possible: then all is as before
   */
  change(control: ControlConfig, pem: IdentityPem): Promise<() => Promise<void>>;
}

/** Makes the door of a machine; nobody comes in before `open`. */
export function makeAgentDoor(
  machine: NatMachine,
  control: ControlConfig,
  pem: IdentityPem,
): AgentDoor {
  const { agents, agentEvents } = machine;
  let held: (() => void)[] | null = null;
  const orHold = (action: () => void) => held === null ? action() : void held.push(action);
  const checksFor = (addresses: readonly string[]): Checks => ({
    type: "checks",
    entries: machine.servers.checksFor(addresses),
  });
  const server = new ControlServer({
    ...settingsOf(control, pem),
    program: programText(VERSION),
    instance: crypto.randomUUID(),
    epoch: machine.epoch,
    handlers: {
      announcement: (agent) => announcementFor(machine.config, agent.addresses),
      connected: ({ name, addresses, instance, program }, { table, ...ability }) =>
        orHold(() => {
          const { able, reason } = ability;
          const now = bootTimeMs();
          const before = agents.get(name);
          const agent = agents.connected(name, addresses, { ...ability, instance, now, program });
          agentEvents.add("agent-connected", name, { able, reason, instructions: table.length });
          // A predecessor that was only silent may come back and go on for its lease.
          const predecessorLives = before !== undefined && before.instance !== instance &&
            !before.gone;
          const offers = machine.book.agentConnected(name, {
            instance,
            table,
            now,
            predecessorLives,
          });
          machine.unheard.end(name);
          machine.recovery.agentConnected({ name, addresses }, offers, now);
          machine.firstHop.agentConnected(name, addresses);
          server.send(name, checksFor(addresses));
          if (able) machine.agentReconsidered(agent);
        }),
      message: (name, message) =>
        orHold(() => {
          const now = bootTimeMs();
          const agent = agents.get(name);
          if (message.type === "health") {
            if (agent !== undefined) machine.servers.agentChecked(agent.addresses, message.entries);
            return;
          }
          if (message.type === "probed") return machine.firstHop.answered(name, message);
          if (
            message.type === "captureBegun" || message.type === "captured" ||
            message.type === "captureEnded"
          ) return machine.captures.atAgents.message(name, message);
          machine.book.message(name, message, now);
          if (message.type !== "report" || agent === undefined) return;
          agent.lastReportMs = now;
          if (agent.silent) machine.agentHeard(agent);
          machine.agentAble(agent, message);
        }),
      lost: (name, reason, isOver) =>
        orHold(() => {
          const agent = agents.get(name);
          if (agent !== undefined) {
            agent.connected = false;
            agent.gone = isOver;
            machine.servers.agentLost(agent.addresses);
          }
          machine.book.agentLost(name);
          machine.firstHop.agentLost(name);
          machine.captures.atAgents.lost(name, reason);
          if (isOver) machine.unheard.begin(name);
          agentEvents.add("agent-lost", name, { reason });
        }),
      heldBack: (name) => agentEvents.heldBack(name),
      refused: (attempt) => agentEvents.refused(attempt),
    },
  });
  return {
    open: () => listening(control, async () => void await server.listen()),
    change: (next, pem) => listening(next, () => server.change(settingsOf(next, pem))),
    close: (reason) => server.close(reason),
    hold: () => held ??= [],
    release() {
      const waiting = held ?? [];
      held = null;
      for (const action of waiting) action();
    },
    send: (agent, message) => server.send(agent, message),
    announce() {
      server.announce();
      for (const { name, addresses } of server.agents()) server.send(name, checksFor(addresses));
    },
  };
}

function settingsOf({ listen, leaseMs, reportMs }: ControlConfig, credentials: IdentityPem) {
  return {
    listen: { address: String(listen.address), port: listen.port },
    credentials,
    leaseMs,
    reportMs,
  };
}

async function listening<T>({ listen }: ControlConfig, begin: () => Promise<T>): Promise<T> {
  try {
    return await begin();
  } catch (error) {
    const why = (error as Error).message;
    throw new Error(`Cannot listen for agents on ${formatEndpoint(listen)}: ${why}`);
  }
}
