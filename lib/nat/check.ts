import { describeNat, plainNatConfig } from "../config/describe.ts";
import { loadNatConfig, type NatConfig } from "../config/nat_config.ts";
import { ConfigError, formatProblem } from "../config/problem.ts";
import { obstacleStatus } from "../datapath/host_obstacle.ts";
import { RouteNetlink } from "../linux/rtnetlink.ts";
import { natObstacles } from "./preflight.ts";

/**
 * `bypath nat check`: says what a configuration means and what on this host speaks against it;
 * touches nothing. Returns the exit status.
 */
export async function checkNat(
  { configPath, json }: { configPath: string; json: boolean },
): Promise<number> {
  let config: NatConfig;
  try {
    config = await loadNatConfig(configPath);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (json) console.log(JSON.stringify({ ok: false, problems: error.problems }));
    else for (const problem of error.problems) console.error(formatProblem(problem));
    return 2;
  }
  using netlink = new RouteNetlink();
  const obstacles = natObstacles(config, netlink);
  if (json) {
    const { notices } = config;
    console.log(JSON.stringify({
      ok: obstacles.length === 0,
      config: plainNatConfig(config),
      notices,
      obstacles,
    }));
  } else {
    for (const line of describeNat(config)) console.log(line);
    for (const notice of config.notices) console.error(formatProblem(notice));
    for (const { message } of obstacles) console.error(message);
  }
  return obstacleStatus(obstacles);
}
