import type { PacketThreadPace, PacketThreadShared } from "../datapath/packet_thread_end.ts";
import type { TapOrder } from "../datapath/capture_tap.ts";
import type { Peer } from "../datapath/packet_exchange.ts";
import type { TablePart } from "../session/session_table.ts";
import type { DatapathConfig } from "./datapath_config.ts";
import type { RebuiltSession } from "./instruction_rebuild.ts";
import type { SteeringRule } from "./steering.ts";

/** Where there are several packet workers: what one of them needs to know of the others. */
export interface WorkerSharing {
  readonly steering: SteeringRule;
  /** As of PacketExchange. */
  readonly rings: readonly (readonly SharedArrayBuffer[])[];
  readonly peers: readonly Peer[];
  /** A byte a dictionary entry: 1 for what is, or was, a SNAT address. All workers write. */
  readonly natAddresses: SharedArrayBuffer;
  /** Of IpIdentifications: two random words. */
  readonly identificationKey: readonly [number, number];
}

/** The first message to a packet worker of a NAT machine; it takes no packets before `resume`. */
export interface NatWorkerStart {
  readonly kind: "start";
  /** Its number, from 0, and how many there are. */
  readonly part: TablePart;
  /** Absent: there is one worker. */
  readonly sharing?: WorkerSharing;
  readonly config: DatapathConfig;
  /** See the message `silence`. */
  readonly silentUntilMs: number;
  /** Names of the one or two interfaces. */
  readonly interfaces: readonly string[];
  readonly shared: PacketThreadShared;
  readonly pace: PacketThreadPace;
  /** Whether the host's own kernel is spared what packet sockets have taken, where it can be. */
  readonly hostShield: boolean;
  /** Packet sockets by interface, the one to send by first; none: it opens its own. */
  readonly sockets: readonly (readonly number[])[];
  readonly journal: SharedArrayBuffer;
  /** The session table: memory mapped by the main thread, which outlives the worker. */
  readonly table: { readonly address: bigint; readonly lengthBytes: number };
  /** A byte a service: 1 while its sessions must not start to bypass. Written by the main thread. */
  readonly closedGates: SharedArrayBuffer;
  /** A rate meter's memory, written by the worker. */
  readonly rates: SharedArrayBuffer;
  /** Of ServerSigns and of an AffinityTable with the same key. */
  readonly signs: SharedArrayBuffer;
  readonly affinity: SharedArrayBuffer;
  /** Of a ServiceTraffic that the worker alone writes. */
  readonly traffic: SharedArrayBuffer;
  /** Two random words. */
  readonly key: readonly [number, number];
}

/** Messages after the first. */
export type NatWorkerMessage =
  /** A request: the worker takes all of it, or answers why it takes none. */
  | { readonly kind: "configure"; readonly config: DatapathConfig }
  /**
   * A request: sessions of a table that was lost. The answer is the slots of those whose clients' packets
   * come to another worker.
   */
  | { readonly kind: "rebuild"; readonly sessions: readonly RebuiltSession[] }
  /** A request: such slots, for all workers. */
  | { readonly kind: "foreign"; readonly slots: readonly number[] }
  /** Until then (boot time, ms) packets of unknown sessions go unanswered. */
  | { readonly kind: "silence"; readonly untilMs: number }
  /** A request: moves no packet from the answer on, which is the numbers of its packet sockets. */
  | { readonly kind: "pause" }
  /** A request: packets are captured from the answer on. */
  | { readonly kind: "tap"; readonly order: TapOrder }
  /** A request: that capture is over. */
  | { readonly kind: "untap"; readonly id: number }
  /** Moves packets again, or for the first time. */
  | { readonly kind: "resume" }
  | { readonly kind: "quit" };

/** Ring records, main to worker: [command, slot, session id, value]. */
export const COMMAND = {
  /** The criteria decide again. */
  rearm: 1,
  /** The agent saw TCP flags (the value) from the server, or an answer over UDP (0). */
  saw: 2,
  /** Probes with this nonce (in the place of the id) are to be looked for. */
  expectProbe: 20,
} as const;

/**
 * Ring records, worker to main: [event + 256 * reason, slot, session id, value]; of `crossed` the
 * first number says when as well, see {@linkcode crossedEvent}.
 */
export const EVENT = {
  /** The start criteria are met. */
  crossed: 1,
  /** A session with an instruction is over. */
  ended: 2,
  /** The path to the session's client carries packets of only this many bytes (the value). */
  pathMtu: 3,
  /** How many sessions of a lost table were [rebuilt, in conflict with others, without room]. */
  rebuilt: 4,
  /** A router could not deliver a packet of the session; the value is ICMP type * 256 + code. */
  undelivered: 20,
  /** A probe came back: [0, its nonce, 0]. */
  probe: 21,
  /** The host's kernel cannot be spared packets: [0, errno or 0, 0]. */
  unshielded: 22,
} as const;

/** Of the time when the criteria were met: parts of a millisecond, and after how many it begins anew. */
const TICKS_PER_MS = 64;
const TICKS = 2 ** 32;

/** The first number of a `crossed` record: a whole number below 2^48, so nothing of it is lost. */
export function crossedEvent(reason: number, nowMs: number): number {
  return EVENT.crossed + 256 * reason + 65536 * (Math.floor(nowMs * TICKS_PER_MS) % TICKS);
}

/** The reason that the first number of a record says. */
export function reasonOf(event: number): number {
  return (event >>> 8) & 0xff;
}

/** When the criteria were met (boot time, ms), heard of no later than a year after. */
export function crossedMs(event: number, nowMs: number): number {
  const now = Math.floor(nowMs * TICKS_PER_MS);
  const ago = (now - Math.floor(event / 65536)) % TICKS;
  return nowMs - (ago < 0 ? ago + TICKS : ago) / TICKS_PER_MS;
}
