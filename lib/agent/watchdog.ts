/**
 * The watchdog of an agent: a process of its own, because a process that is stopped (SIGSTOP, Ctrl-Z,
 * a debugger) cannot notice it. The stopped agent keeps its tun device, and the routes lead every
 * response into it; the watchdog takes the routes away, and responses go the ordinary way.
 *
 * It imports next to nothing, so that it costs little; see docs/frozen-agents.md.
 */
import { Log } from "../control/log.ts";
import { bootTimeMs } from "../linux/clock.ts";
import { keepCapabilities } from "../linux/capabilities.ts";
import { POLLIN } from "../linux/constants.ts";
import { mapDescriptor } from "../linux/memory.ts";
import { Poller } from "../linux/poll.ts";
import { setParentDeathSignal, startSession } from "../linux/process.ts";
import { BYPATH_ROUTE_PROTOCOL, RouteNetlink } from "../linux/rtnetlink.ts";
import { CAUSES, Heartbeat, HEARTBEAT_BYTES } from "./heartbeat.ts";
import { Stillness } from "./stillness.ts";

/** How often it looks. The packet worker wakes up every 50 ms when there is nothing to do. */
const LOOK_MS = 100;
/** Looks further apart than this were not made in time, by no fault of the agent's. */
const LONGEST_LOOK_MS = 3 * LOOK_MS;
/** Without the packet worker every response of the server waits. */
const WORKER_LIMIT_MS = 1_000;
/**
 * Without the main thread packets still flow, and the instructions end with their leases; so it is
 * given more time to be merely busy.
 */
const MAIN_LIMIT_MS = 2_000;

const SIGKILL = 9;
const STDIN = 0;

/**
 * Watches until the agent is gone: until its end of standard input is closed.
 * @param args descriptor of the memory that is shared, the index of the tun device, the format of the log
 * @returns the exit status
 */
export function runWatchdog(args: readonly string[]): number {
  const [descriptor, interfaceIndex] = args.map(Number);
  const log = new Log({ format: args[2] === "json" ? "json" : "text", level: "info" });
  if (!Number.isInteger(descriptor) || !Number.isInteger(interfaceIndex)) {
    console.error("bypath agent watchdog: is started by the agent, and of no use to anybody else");
    return 2;
  }
  startSession();
  // An agent that ends while this process is stopped leaves nobody to read the end of the pipe.
  setParentDeathSignal(SIGKILL);
  keepCapabilities(["CAP_NET_ADMIN"]);
  // A service manager that stops the agent tells all of its processes. This one ends with the agent;
  // nobody listens, because the loop never lets anybody.
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {});
  }
  const heartbeat = new Heartbeat(mapDescriptor(descriptor!, HEARTBEAT_BYTES).buffer);
  const netlink = new RouteNetlink();
  heartbeat.withdrawn();
  watch(heartbeat, () => removeRoutes(netlink, interfaceIndex!), log);
  return 0;
}

function watch(heartbeat: Heartbeat, withdraw: () => void, log: Log): void {
  const workers = Array.from(
    { length: heartbeat.workers },
    () => new Stillness({ limitMs: WORKER_LIMIT_MS, longestMs: LONGEST_LOOK_MS }),
  );
  const main = new Stillness({ limitMs: MAIN_LIMIT_MS, longestMs: LONGEST_LOOK_MS });
  const poller = new Poller({ capacity: 1 });
  poller.add(STDIN, POLLIN);
  let isWithdrawn = false;
  while (poller.wait(LOOK_MS) === 0) {
    heartbeat.beatWatchdog();
    const now = bootTimeMs();
    // Every one has to look: none is left out because another one stands still.
    const still = workers.map((worker, i) => worker.look(heartbeat.worker(i), now));
    const workerStill = still.includes(true);
    const mainStill = main.look(heartbeat.main, now);
    if (!workerStill && !mainStill) isWithdrawn = false;
    else if (!isWithdrawn) {
      const cause = workerStill ? 1 : 2;
      heartbeat.withdrawing(cause);
      isWithdrawn = attempt(withdraw, log);
      if (isWithdrawn) {
        heartbeat.withdrawn();
        const thread = CAUSES[cause]!;
        log.warn(
          `Watchdog: the agent's ${thread} stands still: responses go via NAT until it goes on`,
        );
      }
    }
  }
}

/** False when it has to be tried again. */
function attempt(withdraw: () => void, log: Log): boolean {
  try {
    withdraw();
    return true;
  } catch (error) {
    log.error(`Watchdog: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}

/** Removes the routes that the agent has made to its device, and no others. */
export function removeRoutes(netlink: RouteNetlink, interfaceIndex: number): void {
  for (const route of netlink.routes({ protocol: BYPATH_ROUTE_PROTOCOL })) {
    if (route.outInterface !== interfaceIndex) continue;
    const { destination, prefixLength, metric, table, protocol } = route;
    netlink.deleteRoute({
      destination,
      prefixLength,
      metric,
      table,
      protocol,
      outInterface: interfaceIndex,
    });
  }
}
