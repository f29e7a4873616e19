import type { Log } from "../control/log.ts";
import { loadNatConfig, type NatConfig } from "../config/nat_config.ts";
import { ConfigError, formatProblem, placeOf } from "../config/problem.ts";
import { AdminError } from "../control/admin_protocol.ts";
import { type AdminHandler, AdminServer } from "../control/admin_server.ts";
import { type IdentityPem, readOwnIdentity } from "../control/own_identity.ts";
import { catchStopSignals, runDaemon } from "../linux/daemon.ts";
import { obstacleStatus } from "../datapath/host_obstacle.ts";
import { WorkerPulse } from "../datapath/worker_pulse.ts";
import { RouteNetlink } from "../linux/rtnetlink.ts";
import { adminHandler } from "./admin.ts";
import type { NatMachine } from "./nat_machine.ts";
import { EarlyThreads, startNatMachine } from "./nat_start.ts";
import { natObstacles } from "./preflight.ts";
import { applyReload, type Reloaded } from "./reload.ts";
import { type InForce, planReload } from "./reload_plan.ts";
import { Relief } from "./relief.ts";
import { Successor } from "./successor.ts";
import { Takeover } from "./takeover.ts";

export interface RunOptions {
  readonly configPath: string;
  readonly log: Log;
  /** Takes the place of the NAT machine that answers at this socket; empty: at the configuration's. */
  readonly takeover?: string;
}

/** Runs a NAT machine in the foreground until it is told to stop; returns the exit status. */
export async function runNat(options: RunOptions): Promise<number> {
  const { configPath, log } = options;
  using stack = new DisposableStack();
  let config: NatConfig;
  let identity: IdentityPem | null;
  let early: EarlyThreads;
  try {
    config = await loadNatConfig(configPath);
    // Reading certificates takes as long as loading a worker's program.
    early = stack.use(new EarlyThreads(config.workers));
    identity = config.control ? await readOwnIdentity(config.control, "nat") : null;
  } catch (error) {
    if (error instanceof ConfigError) {
      error.problems.forEach((it) => log.error(formatProblem(it), placeOf(it)));
    } else log.error((error as Error).message);
    return 2;
  }
  for (const notice of config.notices) log.warn(formatProblem(notice), placeOf(notice));
  const obstacles = withNetlink((netlink) => natObstacles(config, netlink));
  if (obstacles.length > 0) {
    for (const { message } of obstacles) log.error(message);
    return obstacleStatus(obstacles);
  }
  try {
    await serve({ config, identity }, early, options);
    return 0;
  } catch (error) {
    log.error(textOf(error));
    return 1;
  }
}

async function serve(
  { config, identity }: InForce,
  early: EarlyThreads,
  { configPath, takeover: from, log }: RunOptions,
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { stop } = stack.use(catchStopSignals());
  const takeover = from === undefined ? null : await Takeover.offer(from || config.socket);
  if (takeover !== null) stack.use(takeover);
  else if (from !== undefined) log.info("Nothing to take over from: starting as usual");
  // The socket answers from the beginning, so that a second machine meets it before anything is touched.
  const running: { machine?: NatMachine; relief?: Relief } = {};
  const reloads = new OneAtATime();
  const reload = (isRehearsal: boolean) =>
    reloads.run(async () => {
      try {
        return await reloadNat(running.machine!, configPath, isRehearsal);
      } catch (error) {
        // A signal has no answer: who looks into the events would think that it was taken.
        if (!isRehearsal) running.machine!.events.add("reload-refused", { reason: textOf(error) });
        throw error;
      }
    });
  const handler: AdminHandler = (request, stream) => {
    const { machine, relief } = running;
    if (machine === undefined || relief === undefined) {
      throw new AdminError("The NAT machine is starting, not ready yet");
    }
    if (request.verb === "takeover") {
      return reloads.run(() => relief.answer(request, stream.signal));
    }
    return adminHandler(machine, reload)(request, stream);
  };
  const admin = stack.use(
    takeover === null
      ? await AdminServer.listen(config.socket, handler)
      : await AdminServer.prepare(config.socket, handler),
  );
  const machine = await startNatMachine(config, stack, {
    identity,
    stop,
    takeover,
    early,
    log,
  });
  if (machine === null) return;
  if (takeover !== null) admin.takePlace();
  const relief = new Relief(machine);
  running.machine = machine;
  running.relief = relief;
  const successor = new Successor(configPath, log);
  takeover?.[Symbol.dispose]();
  log.info(`Ready: ${statusLine(machine)}`);
  if (log.isTold("debug")) machine.events.follow(({ time: _, type, ...it }) => log.debug(type, it));
  const pulse = new WorkerPulse(machine.counted, () => machine.relief.isFrozen);
  await runDaemon({
    reload: async () => {
      try {
        const { message, changes } = await reload(false);
        for (const line of [...changes, message]) log.info(line);
      } catch (error) {
        log.error(textOf(error));
      }
    },
    warn: (message) => log.warn(message),
    healthy: () => pulse.beats() && machine.ready,
    status: () => statusLine(machine),
    isReplaced: () => relief.relieved.aborted,
    upgrade: () => successor.start(),
  }, { stop: AbortSignal.any([stop, relief.relieved]), failure: early.failure });
  if (!relief.relieved.aborted) return;
  admin.leave();
  log.info("Another process has taken over");
}

/**
 * Takes the configuration file again: all of it or, on an error, none of it.
 * @param isRehearsal only says what would be done
 * @throws {AdminError} with every problem, exit status 2
 */
async function reloadNat(
  machine: NatMachine,
  configPath: string,
  isRehearsal: boolean,
): Promise<Reloaded> {
  const after = await readAgain(configPath);
  const { config } = after;
  const plan = planReload(machine, after);
  const refuse = (why: string): never => {
    throw new AdminError(`Nothing was changed: ${why}`, 2);
  };
  if (plan.fixed.length > 0) {
    refuse(
      `${plan.fixed.join(", ")} cannot change while the NAT machine runs; ` +
        "start another one that takes over, without a pause: bypath nat run --takeover",
    );
  }
  const obstacles = withNetlink((netlink) => natObstacles(config, netlink));
  if (obstacles.length > 0) refuse(obstacles.map((it) => it.message).join("; "));
  const changes = plan.lines;
  if (changes.length === 0) return { message: "Nothing to change", changes };
  if (isRehearsal) return { message: `Would change ${changes.length}`, changes };
  try {
    await applyReload(machine.reloadTargets, after, plan);
  } catch (error) {
    refuse((error as Error).message);
  }
  machine.events.add("reloaded", { changes: changes.join("; ") });
  return { message: `Reloaded: ${statusLine(machine)}`, changes };
}

async function readAgain(configPath: string): Promise<InForce> {
  try {
    const config = await loadNatConfig(configPath);
    return {
      config,
      identity: config.control ? await readOwnIdentity(config.control, "nat") : null,
    };
  } catch (error) {
    const why = error instanceof ConfigError
      ? error.problems.map(formatProblem).join("; ")
      : (error as Error).message;
    throw new AdminError(`Nothing was changed: ${why}`, 2);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function statusLine({ config }: NatMachine): string {
  const names = config.services.map((service) => service.name).join(", ");
  const { length } = config.services;
  return `${length} service${length === 1 ? "" : "s"} (${names}) on ${
    config.interfaces.join(", ")
  }`;
}

/** Two reloads at once would undo each other's steps. */
class OneAtATime {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(action: () => Promise<T>): Promise<T> {
    const next = this.#last.then(action);
    this.#last = next.catch(() => {});
    return next;
  }
}

function withNetlink<T>(use: (netlink: RouteNetlink) => T): T {
  using netlink = new RouteNetlink();
  return use(netlink);
}
