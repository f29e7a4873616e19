import type { NatConfig } from "../config/nat_config.ts";
import type { IdentityPem } from "../control/own_identity.ts";
import { PacketThread } from "../datapath/packet_thread.ts";
import { secureRandom } from "../datapath/secure_random.ts";
import { bootTimeMs } from "../linux/clock.ts";
import { BYPATH_ROUTE_PROTOCOL, RouteNetlink } from "../linux/rtnetlink.ts";
import { makeAgentDoor } from "./agent_door.ts";
import { Announcing } from "./announcing.ts";
import { destinationsOf } from "./datapath_config.ts";
import { HostRoutes, removeLeftRoutes } from "./host_routes.ts";
import { EndpointHold, holdTimes } from "./instruction_hold.ts";
import { LEASE_MARGIN_MS, NatMachine, TICK_MS } from "./nat_machine.ts";
import { bootId, HOST_RESTARTED, openStateFile, type StateFile } from "./state_file.ts";

const EVENT_RING = 65536;
const COMMAND_RING = 8192;

/** Receives what a machine must not survive. */
type OnFailure = (message: string) => void;

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
    onFailure: OnFailure;
    say: (line: string) => void;
  },
): Promise<NatMachine | null> {
  const { identity, stop, onFailure, say } = options;
  const state = stack.use(openStateFile(config.state, {
    capacity: config.capacity,
    bootId: bootId(),
    random: secureRandom(),
  }));
  const netlink = stack.use(new RouteNetlink());
  const left = removeLeftRoutes(netlink, BYPATH_ROUTE_PROTOCOL);
  const routes = stack.use(new HostRoutes(netlink));
  routes.add(destinationsOf(config));
  if (state.replaced !== null) say(`Starting with a new session table: ${state.replaced}`);
  if (stop.aborted) return null;
  const machine = new NatMachine({
    config,
    identity,
    state,
    routes,
    announcing: ({ events }) => new Announcing({ netlink, events, onFailure }),
    hold: endpointHold(config, state, left > 0),
    thread: (it) =>
      new PacketThread({
        path: "lib/nat/packet_worker.ts",
        events: EVENT_RING,
        commands: COMMAND_RING,
        onEvent: (event, slot, id, value) => it.workerEvent(event, slot, id, value),
        onFailure,
      }),
    door: (it) => config.control && identity ? makeAgentDoor(it, config.control, identity) : null,
  });
  stack.defer(() => machine.stop());
  await machine.run();
  const timer = setInterval(() => machine.tick(), TICK_MS);
  stack.defer(() => clearInterval(timer));
  return machine;
}

/** What must wait because agents may still follow an earlier table; nothing when this one goes on. */
function endpointHold(config: NatConfig, state: StateFile, killed: boolean): EndpointHold {
  const now = bootTimeMs();
  const isNone = state.continued || config.control === undefined;
  const times = holdTimes({
    isLost: killed || state.earlier,
    isRestarted: state.replaced === HOST_RESTARTED,
    uptimeMs: now,
    leaseMs: isNone ? 0 : config.control!.leaseMs + LEASE_MARGIN_MS,
  });
  return new EndpointHold({ ...times, now });
}
