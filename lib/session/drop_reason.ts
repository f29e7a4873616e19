/**
 * Why a packet was taken and not forwarded. Reasons below 64 say what is malformed about it
 * (lib/wire/reason.ts); these say why a well-formed packet went no further.
 */
export const DROP = {
  /** No service listens at this address, protocol and port. */
  noService: 64,
  /** The service has no server that takes new sessions. */
  noServer: 65,
  /** Every NAT endpoint towards the chosen server is taken. */
  noPort: 66,
  /** The session table is full, or the part of it that sessions of unanswered datagrams may take. */
  tableFull: 67,
  /** A packet that belongs to no session and may not start one, or an ICMP error about no session. */
  noSession: 68,
  fragment: 69,
  unsupportedProtocol: 70,
  /** TTL or hop limit used up. */
  hopLimit: 71,
  noRoute: 72,
  /** The next hop did not answer ARP or neighbour discovery. */
  neighbour: 73,
  /** Larger than the next link carries. */
  tooBig: 74,
  /** The kernel refused to send. */
  sendFailed: 75,
  /** Broadcast, multicast, or addressed to another machine. */
  notForUs: 76,
  /** Longer than a receive buffer. */
  truncated: 77,
  /** A packet that would have started a session, had its checksum been right. */
  badChecksum: 78,
  /** An echo request, when echo is switched off or too many came. */
  echo: 79,
  /** An ICMP error that contradicts itself, or says what cannot be true of the session that it names. */
  badError: 80,
  /** It waited in an agent's device while the agent stood still. */
  stoodStill: 81,
  /** Another packet worker has its session, and too many packets wait there. */
  handover: 82,
  /**
   * It would have begun a session while the packets of those that exist already waited too long, or, of a
   * service with affinity, before a table that was taken over was known.
   */
  overload: 83,
} as const;

export type DropName = keyof typeof DROP;

/** One more than the highest reason. */
export const DROP_REASONS = 96;

const NAMES = new Map<number, DropName>(
  (Object.entries(DROP) as [DropName, number][]).map(([name, code]) => [code, name]),
);

/** The name of a reason of 64 and above, as `inspect status` shows it. */
export function dropName(code: number): DropName | undefined {
  return NAMES.get(code);
}
