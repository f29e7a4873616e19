import type { Log } from "../control/log.ts";
import type { NatConfig } from "../config/nat_config.ts";
import type { IdentityPem } from "../control/own_identity.ts";
import { PacketThreads } from "../datapath/packet_threads.ts";
import { secureRandom } from "../datapath/secure_random.ts";
import { bootTimeMs } from "../linux/clock.ts";
import { type NamespaceName, takeNamespaceName } from "../linux/namespace_name.ts";
import { BYPATH_ROUTE_PROTOCOL, RouteNetlink } from "../linux/rtnetlink.ts";
import { makeAgentDoor } from "./agent_door.ts";
import { Announcing } from "./announcing.ts";
import { destinationsOf } from "./datapath_config.ts";
import { HostRoutes, removeLeftRoutes } from "./host_routes.ts";
import { EndpointHold, holdTimes, rememberHold } from "./instruction_hold.ts";
import { LEASE_MARGIN_MS, NatMachine, TICK_MS } from "./nat_machine.ts";
import type { Takeover } from "./takeover.ts";
import { bootId, HOST_RESTARTED, openStateFile, type StateFile } from "./state_file.ts";

const EVENT_RING = 65536;
const COMMAND_RING = 8192;

/**
 * The packet workers of a machine that there is not yet. They load their program beside the main
 * thread, and get ready, while that has other things to do.
 */
export class EarlyThreads implements Disposable {
  readonly threads: PacketThreads;
  /** Who is told what the workers tell. */
  machine: NatMachine | null = null;
  readonly #failure = Promise.withResolvers<never>();

  /** @param workers how many */
  constructor(workers: number) {
    this.#failure.promise.catch(() => {});
    this.threads = new PacketThreads({
      workers,
      path: "lib/nat/packet_worker.ts",
      events: EVENT_RING,
      commands: COMMAND_RING,
      onEvent: (event, slot, id, value) => this.machine?.workerEvent(event, slot, id, value),
      onFailure: this.fail,
    });
  }

  /** Rejects with what the machine must not survive. */
  get failure(): Promise<never> {
    return this.#failure.promise;
  }

  readonly fail = (message: string): void => this.#failure.reject(new Error(message));

  /** Ends them, unless there is a machine: it ends its own. */
  [Symbol.dispose](): void {
    if (this.machine === null) this.threads.terminate();
  }
}

/**
 * Starts a NAT machine. The checks of preflight.ts come before.
 * @param options.identity of this machine towards agents; null: no control channel
 * @param stack what was set up goes here, so that the caller takes it down in reverse order
 * @returns null when `stop` was aborted before there was a machine
 */
export async function startNatMachine(
  config: NatConfig,
  stack: AsyncDisposableStack,
  options: {
    identity: IdentityPem | null;
    stop: AbortSignal;
    /** From a process that has offered it. */
    takeover: Takeover | null;
    early: EarlyThreads;
    log: Log;
  },
): Promise<NatMachine | null> {
  const { identity, stop, early, log, takeover } = options;
  const { threads, fail: onFailure } = early;
  const own = takeover === null ? stack.use(onlyNatMachine()) : null;
  // A takeover must not stop the other process for workers that cannot be.
  await Promise.race([threads.loaded(), early.failure]);
  const netlink = stack.use(new RouteNetlink());
  const routes = stack.use(new HostRoutes(netlink));
  // What can be done before packets wait is done by now.
  const estate = await takeover?.freeze(config);
  const name = own ?? stack.use(estate!.name);
  const state = stack.use(openStateFile(config.state, {
    capacity: config.capacity,
    bootId: bootId(),
    random: secureRandom(),
    ...(estate && { from: { path: estate.state, lock: estate.lock } }),
  }));
  const left = estate === undefined ? removeLeftRoutes(netlink, BYPATH_ROUTE_PROTOCOL) : 0;
  routes.add(destinationsOf(config));
  if (state.replaced !== null) log.warn(`Starting with a new session table: ${state.replaced}`);
  if (stop.aborted) return null;
  const machine = new NatMachine({
    config,
    identity,
    state,
    name,
    routes,
    announcing: ({ events }) => new Announcing({ netlink, events, onFailure }),
    hold: endpointHold(config, state, left > 0),
    threads,
    warn: (message) => log.warn(message),
    door: (it) => config.control && identity ? makeAgentDoor(it, config.control, identity) : null,
  });
  early.machine = machine;
  stack.defer(() => machine.stop());
  // While another process goes on, its metrics stand where these are to be.
  if (takeover === null) await machine.metrics.open(config.metrics);
  await machine.prepare(netlink, estate?.sockets);
  if (takeover !== null) {
    await takeover.commit();
    // An old process that was ended meanwhile has taken its routes with it.
    routes.add(destinationsOf(config));
    routes.takeOver();
  }
  state.commit();
  await machine.open();
  if (takeover !== null) await openMetrics(machine, log);
  const timer = setInterval(() => machine.tick(), TICK_MS);
  stack.defer(() => clearInterval(timer));
  return machine;
}

/** Sessions go on without metrics rather than end for them. */
async function openMetrics({ metrics, config, events }: NatMachine, log: Log) {
  try {
    await metrics.open(config.metrics);
  } catch (error) {
    const reason = (error as Error).message;
    events.add("metrics-failed", { reason });
    log.warn(reason);
  }
}

/** What must wait because agents may still follow an earlier table; nothing when this one goes on. */
function endpointHold(config: NatConfig, state: StateFile, killed: boolean): EndpointHold {
  const now = bootTimeMs();
  const times = holdTimes({
    isLost: killed || state.earlier,
    isRestarted: state.replaced === HOST_RESTARTED,
    uptimeMs: now,
    leaseMs: config.control === undefined ? 0 : config.control.leaseMs + LEASE_MARGIN_MS,
    quarantineMs: config.quarantineMs,
  });
  const { headerF64 } = state.records;
  const hold = rememberHold(headerF64, state.continued ? null : times, now);
  return new EndpointHold({ ...hold, now });
}

/**
 * Two NAT machines in one network namespace would refuse each other's packets, and the second would
 * take the routes of the first for those of a killed one.
 */
function onlyNatMachine(): NamespaceName {
  const only = takeNamespaceName("bypath-nat");
  if (only === null) {
    throw new Error(
      "Cannot run a NAT machine: another one runs on this host, stop it first or use --takeover",
    );
  }
  return only;
}
