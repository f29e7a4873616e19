import { type AgentConfig, loadAgentConfig } from "../config/agent_config.ts";
import { describeAgent, plainAgentConfig } from "../config/describe.ts";
import { ConfigError, formatProblem } from "../config/problem.ts";
import { type IdentityPem, readOwnIdentity } from "../control/own_identity.ts";
import { obstacleStatus } from "../datapath/host_obstacle.ts";
import { RouteNetlink } from "../linux/rtnetlink.ts";
import { ability } from "./ability.ts";
import { agentObstacles } from "./preflight.ts";

/**
 * `bypath agent check`: says what a configuration means and whether this host can bypass; touches
 * nothing. Returns the exit status.
 */
export async function checkAgent(
  { configPath, json }: { configPath: string; json: boolean },
): Promise<number> {
  let config: AgentConfig;
  let pem: IdentityPem;
  try {
    config = loadAgentConfig(configPath);
    pem = await readOwnIdentity(config, "agent");
  } catch (error) {
    const problems = error instanceof ConfigError
      ? error.problems
      : [{ message: (error as Error).message }];
    if (json) console.log(JSON.stringify({ ok: false, problems }));
    else if (error instanceof ConfigError) {
      for (const problem of error.problems) console.error(formatProblem(problem));
    } else console.error((error as Error).message);
    return 2;
  }
  using netlink = new RouteNetlink();
  const obstacles = agentObstacles(config, pem.identity.addresses, netlink);
  const checks = await ability(config, pem.identity.addresses, netlink);
  const ok = obstacles.length === 0 && checks.every((it) => it.ok);
  if (json) {
    console.log(JSON.stringify({
      ok,
      config: plainAgentConfig(config),
      identity: pem.identity,
      obstacles,
      checks,
    }));
  } else {
    for (const line of describeAgent(config)) console.log(line);
    console.log(`speaks for ${pem.identity.addresses.join(", ")} as ${pem.identity.name}`);
    for (const { ok, what, detail } of checks) {
      console.log(`${ok ? "ok  " : "FAIL"}  ${what}: ${detail}`);
    }
    for (const { message } of obstacles) console.error(message);
  }
  return obstacles.length > 0 ? obstacleStatus(obstacles) : ok ? 0 : 1;
}
