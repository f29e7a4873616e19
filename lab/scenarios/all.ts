import { bypassShare } from "./bypass_share.ts";
import { agentKilled } from "./faults/agent_killed.ts";
import { controlCut } from "./faults/control_cut.ts";
import { controlOneWay } from "./faults/control_one_way.ts";
import { controlSlow } from "./faults/control_slow.ts";
import { messageFaults } from "./faults/message_faults.ts";
import { pathDropsAll } from "./faults/path_drops_all.ts";
import { pathDropsLarge } from "./faults/path_drops_large.ts";
import { pathDropsTenth } from "./faults/path_drops_tenth.ts";
import { killNat } from "./kill_nat.ts";
import { malformedPackets } from "./malformed_packets.ts";
import { noAgent } from "./no_agent.ts";
import type { Scenario } from "./scenario.ts";
import { sessions10k } from "./sessions_10k.ts";
import { switchesTcp } from "./switches_tcp.ts";
import { switchesUdp } from "./switches_udp.ts";
import { throughput } from "./throughput.ts";
import { wrongInput } from "./wrong_input.ts";

/** In the order in which `lab run --list` shows them. */
export const SCENARIOS: readonly Scenario[] = [
  throughput,
  bypassShare,
  switchesTcp,
  switchesUdp,
  agentKilled,
  controlCut,
  controlOneWay,
  controlSlow,
  messageFaults,
  pathDropsAll,
  pathDropsLarge,
  pathDropsTenth,
  killNat,
  noAgent,
  sessions10k,
  malformedPackets,
  wrongInput,
];
