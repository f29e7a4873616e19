/**
 * Layout of the session table in memory, shared by the packet worker, the main thread and every
 * process that maps the file to look.
 *
 * ```
 * region   0        4096                     + 65536 * 32  + (capacity + 1) * 128  + (capacity + 1) * 28
 *          | header | dictionary of endpoints | records ... | what went directly ... |
 * ```
 *
 * One record is one session, IPv4 and IPv6 alike (IPv4 as mapped addresses): two cache lines, the
 * first with what finds a session and says whether it is over, the second with what it carried.
 * Every field has one writer: the worker (w) that carries the packets, or the main thread (m) that
 * talks to agents.
 *
 * ```
 * byte   0  client address, 4 x int32, network order as numbers      w
 *       16  client port, NAT port, VIP, server          4 x uint16    w   (VIP, server: dictionary)
 *       24  NAT address (dictionary), path MTU          2 x uint16    w
 *       28  protocol, state, flags, hold                4 x uint8     w   (hold: w sets, m clears)
 *       32  instruction state, reason, agent flags      3 x uint8     m
 *       35  TCP segments that the client sent again     uint8         w   (since byte 124 rose; at most 255)
 *       36  generation of the newest instruction        uint32        m   (0: there was none)
 *       40  id                                          float64       w
 *       48  created, last packet seen (boot time, ms)   2 x float64   w
 *       64  packets and bytes from the client           2 x float64   w
 *       80  packets and bytes to the client via NAT     2 x float64   w
 *       96  last packet the agent saw (boot time, ms)   float64       m
 *      104  value that the reason names                 float32       m
 *      108  next hop to the client                      uint32        w   (valid for one process)
 *      112  newest acknowledgement of the client        uint32        w
 *      116  newest sequence number via NAT              uint32        w
 *      120  newest sequence number the agent sent       uint32        m
 *      124  client's highest sequence number            uint32        w
 * ```
 *
 * A record whose state is 0 is free.
 *
 * What an agent sent directly stands apart, so that sessions which never bypass use no memory for
 * it: first the sums of all sessions, then the bases of all. Both mean something once the session has
 * had an instruction.
 *
 * ```
 * sum  byte 0  packets and bytes to the client, bypassed           2 x float64   m
 * base byte 0  the same before the newest instruction's generation,
 *              each below 2^48: its low words                      2 x uint32    m
 *           8  bits 32 to 47 of the packets, above those of bytes  uint32        m
 * ```
 */

export const MAGIC = 0x42595041; // "BYPA"
export const LAYOUT_VERSION = 3;

export const HEADER_BYTES = 4096;
export const DICTIONARY_ENTRIES = 65536;
export const DICTIONARY_ENTRY_BYTES = 32;
export const RECORD_BYTES = 128;
/** Of what went directly: the sums, and what they were before the newest generation. */
export const SUM_BYTES = 16;
export const BASE_BYTES = 12;

/** Most sessions of a table; a slot number and eight more bits share 32 bits in the index. */
export const MAXIMUM_CAPACITY = 2 ** 23;

/**
 * Header fields, as indices of 32-bit words. What several packet workers write is written with Atomics
 * (`highWater`, `used`), or by each in a place of its own (`nextId`) …
 */
export const HEADER = {
  magic: 0,
  version: 1,
  capacity: 2,
  recordBytes: 3,
  /** Slots above this one have never been used. */
  highWater: 4,
  /** Sessions that live or rest in quarantine. */
  used: 5,
  dictionaryUsed: 6,
  hopEpoch: 7,
  bootId: 8, // 4 words
  pid: 12,
  /** By which clients are told apart among packet workers, a random word; 0: none was chosen. */
  steeringKey: 13,
} as const;

/**
 * … and as indices of float64. `leaseMs`: the longest lease that agents were granted and that may still
 * run. `holdUntilMs`: until when (boot time) agents may follow a table that was lost before this one;
 * `datagramsFromMs`: until when datagrams may come for its sessions.
 */
export const HEADER_F64 = {
  epoch: 8,
  nextId: 9,
  generation: 10,
  leaseMs: 11,
  holdUntilMs: 15,
  datagramsFromMs: 16,
  /** As `nextId`, of packet worker 1; those of the others follow. */
  nextIds: 64,
} as const;

/** Most packet workers that a table has place for. */
export const MOST_WORKERS = 64;
/** Slots are given out to packet workers by blocks of so many, in turn. */
export const BLOCK_SLOTS = 64;

/** Record fields, as offsets in units of their own size from the start of the record. */
export const U8 = {
  protocol: 28,
  state: 29,
  flags: 30,
  hold: 31,
  instruction: 32,
  reason: 33,
  agentFlags: 34,
  clientResent: 35,
} as const;
export const U16 = {
  clientPort: 8,
  natPort: 9,
  vip: 10,
  server: 11,
  natAddress: 12,
  pathMtu: 13,
} as const;
export const I32 = {
  client: 0,
  generation: 9,
  clientHop: 27,
  clientAcknowledgement: 28,
  natSequence: 29,
  agentSequence: 30,
  clientSequence: 31,
} as const;
export const F32 = { reasonValue: 26 } as const;
export const F64 = {
  id: 5,
  createdMs: 6,
  lastSeenMs: 7,
  packetsFromClient: 8,
  bytesFromClient: 9,
  packetsViaNat: 10,
  bytesViaNat: 11,
  agentSeenMs: 12,
} as const;
/** Fields of what went directly, likewise; the bases have the same. */
export const DIRECT = { packets: 0, bytes: 1 } as const;

/** Bits of a record's flags. */
export const FLAG = {
  /** Found by its client endpoint. */
  inbound: 1,
  /** Found by its NAT endpoint; set as long as the endpoint is taken. */
  outbound: 2,
  /** The start criteria are still being watched. */
  armed: 4,
  clientFin: 8,
  serverFin: 16,
  /** The client repeated its SYN, or was refused, and the server had not answered. */
  unanswered: 32,
  /** TCP: the client's newest window is closed. */
  zeroWindow: 64,
  /** Its server is the one of the client's earlier sessions. */
  byAffinity: 128,
} as const;

/** Why `hold` keeps a slot from being used again: the main thread has an instruction open for it. */
export const HOLD_NONE = 0;
export const HOLD_INSTRUCTION = 1;

/**
 * What is known of a session's instruction. `unheard`: it is installed and may be in force, but its
 * agent gives no sign of life, so that responses must be taken to come via NAT.
 */
export const INSTRUCTION = { none: 0, sent: 1, installed: 2, stopping: 3, unheard: 4 } as const;
export const INSTRUCTION_NAMES = ["none", "sent", "installed", "stopping", "installed"] as const;

/** Bytes of a region for `capacity` sessions, a multiple of 8. */
export function regionBytes(capacity: number): number {
  return Math.ceil((basesOffset(capacity) + (capacity + 1) * BASE_BYTES) / 8) * 8;
}

/** Where the sums of what went directly begin. */
export function sumsOffset(capacity: number): number {
  return recordsOffset() + (capacity + 1) * RECORD_BYTES;
}

/** Where their bases begin. */
export function basesOffset(capacity: number): number {
  return sumsOffset(capacity) + (capacity + 1) * SUM_BYTES;
}

/** Where the records begin. Record 0 is never used: slot 0 means "none". */
export function recordsOffset(): number {
  return HEADER_BYTES + DICTIONARY_ENTRIES * DICTIONARY_ENTRY_BYTES;
}
