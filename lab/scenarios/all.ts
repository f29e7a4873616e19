import { bypassShare } from "./bypass_share.ts";
import { FAULT_SCENARIOS } from "./faults/all.ts";
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
  noAgent,
  ...FAULT_SCENARIOS,
  sessions10k,
  malformedPackets,
  wrongInput,
];
