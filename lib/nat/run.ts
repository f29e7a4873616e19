import { loadNatConfig, type NatConfig } from "../config/nat_config.ts";
import { ConfigError, formatProblem } from "../config/problem.ts";
import { AdminError } from "../control/admin_protocol.ts";
import { AdminServer } from "../control/admin_server.ts";
import { type IdentityPem, readOwnIdentity } from "../control/own_identity.ts";
import { catchStopSignals, runDaemon } from "../linux/daemon.ts";
import { takeNamespaceName } from "../linux/namespace_name.ts";
import { obstacleStatus } from "../datapath/host_obstacle.ts";
import { RouteNetlink } from "../linux/rtnetlink.ts";
import { adminHandler } from "./admin.ts";
import type { NatMachine } from "./nat_machine.ts";
import { startNatMachine } from "./nat_start.ts";
import { natObstacles } from "./preflight.ts";
import { needsRestart } from "./reload.ts";

/** Runs a NAT machine in the foreground until it is told to stop; returns the exit status. */
export async function runNat({ configPath }: { configPath: string }): Promise<number> {
  let config: NatConfig;
  let identity: IdentityPem | null;
  try {
    config = loadNatConfig(configPath);
    identity = config.control ? await readOwnIdentity(config.control, "nat") : null;
  } catch (error) {
    if (error instanceof ConfigError) error.problems.forEach((it) => say(formatProblem(it)));
    else say((error as Error).message);
    return 2;
  }
  for (const notice of config.notices) say(formatProblem(notice));
  const obstacles = withNetlink((netlink) => natObstacles(config, netlink));
  if (obstacles.length > 0) {
    for (const { message } of obstacles) say(message);
    return obstacleStatus(obstacles);
  }
  try {
    await serve(config, configPath, identity);
    return 0;
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

async function serve(
  config: NatConfig,
  configPath: string,
  identity: IdentityPem | null,
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { stop } = stack.use(catchStopSignals());
  // The socket answers from the beginning, so that a second machine meets it before anything is touched.
  const running: { machine?: NatMachine } = {};
  const reload = () => reloadNat(running.machine!, configPath);
  stack.use(
    await AdminServer.listen(config.socket, (request, stream) => {
      const { machine } = running;
      if (machine === undefined) throw new AdminError("The NAT machine is starting, not ready yet");
      return adminHandler(machine, reload)(request, stream);
    }),
  );
  stack.use(onlyNatMachine());
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {});
  const ready = await startNatMachine(config, stack, {
    identity,
    stop,
    onFailure: (message) => failure.reject(new Error(message)),
    say,
  });
  if (ready === null) return;
  running.machine = ready;
  say(`Ready: ${statusLine(ready)}`);
  await runDaemon({
    reload: async () => {
      try {
        say(await reload());
      } catch (error) {
        say(error instanceof Error ? error.message : String(error));
      }
    },
    healthy: () => ready.ready,
    status: () => statusLine(ready),
  }, { stop, failure: failure.promise });
}

/**
 * Two NAT machines in one network namespace would refuse each other's packets, and the second would
 * take the routes of the first for those of a killed one.
 */
function onlyNatMachine(): Disposable {
  const only = takeNamespaceName("bypath-nat");
  if (only === null) {
    throw new Error("Cannot run a NAT machine: another one runs on this host, stop it first");
  }
  return only;
}

/**
 * Takes the configuration file again: all of it or, on an error, none of it.
 * @throws {AdminError} with every problem, exit status 2
 */
async function reloadNat(machine: NatMachine, configPath: string): Promise<string> {
  let config: NatConfig;
  try {
    config = loadNatConfig(configPath);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new AdminError(
      `Nothing was changed: ${error.problems.map(formatProblem).join("; ")}`,
      2,
    );
  }
  const fixed = needsRestart(machine.config, config);
  if (fixed.length > 0) {
    throw new AdminError(
      `Nothing was changed: ${
        fixed.join(", ")
      } cannot change while the NAT machine runs, restart it`,
      2,
    );
  }
  const obstacles = withNetlink((netlink) => natObstacles(config, netlink));
  if (obstacles.length > 0) {
    throw new AdminError(
      `Nothing was changed: ${obstacles.map((it) => it.message).join("; ")}`,
      2,
    );
  }
  await Promise.resolve(machine.configure(config));
  return `Reloaded: ${statusLine(machine)}`;
}

function statusLine({ config }: NatMachine): string {
  const names = config.services.map((service) => service.name).join(", ");
  return `${config.services.length} services (${names}) on ${config.interfaces.join(", ")}`;
}

function withNetlink<T>(use: (netlink: RouteNetlink) => T): T {
  using netlink = new RouteNetlink();
  return use(netlink);
}

function say(line: string): void {
  console.error(line);
}
