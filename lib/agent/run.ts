import type { Log } from "../control/log.ts";
import { type AgentConfig, loadAgentConfig } from "../config/agent_config.ts";
import { ConfigError, formatProblem, placeOf } from "../config/problem.ts";
import { AdminError } from "../control/admin_protocol.ts";
import { AdminServer } from "../control/admin_server.ts";
import { type IdentityPem, readOwnIdentity } from "../control/own_identity.ts";
import { obstacleStatus } from "../datapath/host_obstacle.ts";
import { WorkerPulse } from "../datapath/worker_pulse.ts";
import { catchStopSignals, runDaemon } from "../linux/daemon.ts";
import { RouteNetlink } from "../linux/rtnetlink.ts";
import { adminHandler } from "./admin.ts";
import { AgentMachine } from "./agent_machine.ts";
import { agentObstacles } from "./preflight.ts";

/** Runs an agent in the foreground until it is told to stop; returns the exit status. */
export async function runAgent(
  { configPath, log }: { readonly configPath: string; readonly log: Log },
): Promise<number> {
  let config: AgentConfig;
  let pem: IdentityPem;
  try {
    config = loadAgentConfig(configPath);
    pem = await readOwnIdentity(config, "agent");
  } catch (error) {
    if (error instanceof ConfigError) {
      error.problems.forEach((it) => log.error(formatProblem(it), placeOf(it)));
    } else log.error((error as Error).message);
    return 2;
  }
  for (const notice of config.notices) log.warn(formatProblem(notice), placeOf(notice));
  using netlink = new RouteNetlink();
  const obstacles = agentObstacles(config, pem.identity.addresses, netlink);
  for (const { message } of obstacles) log.error(message);
  if (obstacles.length > 0) return obstacleStatus(obstacles);
  try {
    await serve(config, pem, log);
    return 0;
  } catch (error) {
    log.error(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

async function serve(config: AgentConfig, pem: IdentityPem, log: Log): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { stop } = stack.use(catchStopSignals());
  const running: { agent?: AgentMachine } = {};
  stack.use(
    await AdminServer.listen(config.socket, (request, stream) => {
      const { agent } = running;
      if (agent === undefined) throw new AdminError("The agent is starting, not ready yet");
      return adminHandler(agent)(request, stream);
    }),
  );
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {});
  const started = new AgentMachine({
    config,
    pem,
    onFailure: (message) => failure.reject(new Error(message)),
    log,
  });
  stack.defer(() => started.stop());
  await started.run();
  running.agent = started;
  const speaksFor = pem.identity.addresses.join(", ");
  log.info(`Ready: ${pem.identity.name} speaks for ${speaksFor}, device ${started.tunName}`);
  if (log.isTold("debug")) started.events.follow(({ time: _, type, ...it }) => log.debug(type, it));
  const pulse = new WorkerPulse(started.counted);
  await runDaemon({
    warn: (message) => log.warn(message),
    healthy: () => pulse.beats() && started.ready,
    status: () => `speaks for ${speaksFor}`,
  }, { stop, failure: failure.promise });
}
