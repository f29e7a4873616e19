/** Why a session is on its path; recorded with the session as a code and one number. */
export const REASON = {
  /** The start criteria are not met yet. */
  waiting: 0,
  // The criteria, numbered as in policy/criteria.ts.
  bytes: 1,
  packets: 2,
  immediately: 3,
  never: 4,
  /** The agent of the server is not connected. */
  noAgent: 5,
  /** The agent says that it cannot bypass. */
  agentUnable: 6,
  /** An operator keeps it via NAT. */
  operator: 7,
  /** `bypass.stop: idle`. */
  idle: 8,
  agentLost: 9,
  refused: 10,
  /** The agent did not renew its lease. */
  leaseEnded: 11,
  sessionOver: 12,
  serverDown: 13,
  policyChanged: 14,
  restarted: 15,
  agentRestarted: 16,
  draining: 17,
  agentStopped: 18,
  /** The path to the client turned out to carry smaller packets: the next instruction says so. */
  pathMtu: 19,
  // More criteria.
  age: 32,
  rate: 33,
  /** Declined: the NAT machine carries too little for a bypass. */
  load: 34,
  /** Declined: the client (value 1) or the server (2) is not among those that may. */
  notAllowed: 35,
  /** Declined: `bypass.start.where` is false (value 0), or cannot be evaluated (1). */
  where: 36,
  /** Declined: the agent has as many instructions as it may. */
  limit: 37,
  /** A busier session needed the place. */
  displaced: 38,
  /** `bypass.stop: rate`. */
  stopRate: 39,
  /** `bypass.stop: age`. */
  stopAge: 40,
  /** `bypass.start: all`; the value is how many criteria that are. */
  all: 41,
  packetRate: 42,
  /** `bypass.stop: rate` in packets. */
  stopPacketRate: 43,
  // The direct path.
  /** What was sent directly is not acknowledged; the value: for how many ms. */
  noProgress: 44,
  /** Too many sessions failed on it; the value: how many. 0: it has not been tested yet. */
  pathUnable: 45,
  /** A router said so; the value: ICMP type * 256 + code. */
  undelivered: 46,
  /** Too much of what was sent directly was lost. */
  lossy: 47,
  /** Nothing is heard from the agent: it is dead, frozen, or cut off. */
  agentSilent: 48,
  /** The session table was lost, and the agent still knew the session. */
  rebuilt: 52,
} as const;

const TEXT: Record<number, (value: number) => string> = {
  [REASON.waiting]: () => "start criteria not met",
  [REASON.bytes]: (value) => `bytes ${value} reached`,
  [REASON.packets]: (value) => `packets ${value} reached`,
  [REASON.immediately]: () => "immediately",
  [REASON.never]: () => "never, by configuration",
  [REASON.noAgent]: () => "no agent connected for the server",
  [REASON.agentUnable]: () => "the agent cannot bypass",
  [REASON.operator]: () => "stopped by the operator",
  [REASON.idle]: (value) => `idle ${value} ms reached`,
  [REASON.agentLost]: () => "connection to the agent lost",
  [REASON.refused]: () => "the agent refused the instruction",
  [REASON.leaseEnded]: () => "the agent's lease ended",
  [REASON.sessionOver]: () => "the session is over",
  [REASON.serverDown]: () => "the server is down",
  [REASON.policyChanged]: () => "the configuration changed",
  [REASON.restarted]: () => "the NAT machine was restarted",
  [REASON.agentRestarted]: () => "the agent was restarted",
  [REASON.agentStopped]: () => "the agent ended the instruction",
  [REASON.draining]: () => "the server is draining",
  [REASON.pathMtu]: (value) => `the path to the client carries ${value} bytes`,
  [REASON.age]: (value) => `age ${value} ms reached`,
  [REASON.rate]: (value) => `rate ${value} bytes/s reached`,
  [REASON.packetRate]: (value) => `rate ${value} packets/s reached`,
  [REASON.all]: (value) => `all ${value} criteria met`,
  [REASON.load]: () => "the NAT machine's load is below the configured one",
  [REASON.notAllowed]: (value) =>
    value === 1 ? "the client is not among those allowed" : "the server is not among those allowed",
  [REASON.where]: (value) =>
    value === 0 ? "the where expression is false" : "the where expression cannot be evaluated",
  [REASON.limit]: (value) => `the agent has its ${value} instructions`,
  [REASON.displaced]: (value) => `a busier session needed one of the agent's ${value} places`,
  [REASON.stopRate]: (value) => `rate below ${value} bytes/s`,
  [REASON.stopPacketRate]: (value) => `rate below ${value} packets/s`,
  [REASON.noProgress]: (value) => `no progress: nothing sent directly arrived for ${value} ms`,
  [REASON.pathUnable]: (value) =>
    value === 0
      ? "the direct path is not proven"
      : `the direct path failed for ${value} session${value === 1 ? "" : "s"}`,
  [REASON.undelivered]: (value) =>
    `no progress: ICMP error ${value >> 8}/${value & 255} about a direct packet`,
  [REASON.lossy]: () => "the direct path loses too much",
  [REASON.stopAge]: (value) => `instruction age ${value} ms reached`,
  [REASON.agentSilent]: () => "the agent gives no sign of life",
  [REASON.rebuilt]: () => "rebuilt from what the agent held",
};

const KEYS = new Map<number, string>(Object.entries(REASON).map(([key, code]) => [code, key]));

/** The reason's short name, without its number: `noAgent`. */
export function reasonKey(code: number): string {
  return KEYS.get(code) ?? `reason${code}`;
}

/** The reason in words, as `inspect` shows it. */
export function reasonText(code: number, value: number): string {
  return TEXT[code]?.(value) ?? `reason ${code}`;
}
