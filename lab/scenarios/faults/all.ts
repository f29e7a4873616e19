import type { Scenario } from "../scenario.ts";
import { agentFrozen5, agentFrozen60 } from "./agent_frozen.ts";
import { agentKilled } from "./agent_killed.ts";
import { agentRestarted } from "./agent_restarted.ts";
import { clockSteps } from "./clock_steps.ts";
import { controlCut } from "./control_cut.ts";
import { controlOneWay } from "./control_one_way.ts";
import { controlSlow } from "./control_slow.ts";
import { instructionChurn } from "./instruction_churn.ts";
import { linkDownUp } from "./link_down_up.ts";
import { messageFaults } from "./message_faults.ts";
import { natFrozen } from "./nat_frozen.ts";
import { natKilled } from "./nat_killed.ts";
import { natRestarted } from "./nat_restarted.ts";
import { natTakeover } from "./nat_takeover.ts";
import { pathDropsAll } from "./path_drops_all.ts";
import { pathDropsLarge } from "./path_drops_large.ts";
import { pathDropsTenth } from "./path_drops_tenth.ts";
import { reportFlood } from "./report_flood.ts";
import { routerRestart } from "./router_restart.ts";
import { tableLost } from "./table_lost.ts";

/** Processes and hosts first, then the control channel, then the network. */
export const FAULT_SCENARIOS: readonly Scenario[] = [
  agentKilled,
  agentFrozen5,
  agentFrozen60,
  agentRestarted,
  natKilled,
  natFrozen,
  natRestarted,
  natTakeover,
  tableLost,
  clockSteps,
  controlCut,
  controlOneWay,
  controlSlow,
  messageFaults,
  reportFlood,
  instructionChurn,
  pathDropsAll,
  pathDropsLarge,
  pathDropsTenth,
  linkDownUp,
  routerRestart,
];
