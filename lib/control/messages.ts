/**
 * The messages between a NAT machine and an agent: one JSON object a line, over mutually authenticated TLS.
 *
 * ```
 * agent                                NAT machine
 *   hello  ------------------------------>          who I am, whether I can bypass
 *          <------------------------------ welcome  epoch, lease, what may be translated
 *   table ... table (last) -------------->          every instruction I hold
 *   report ------------------------------>          heartbeat with a nonce, and counters that changed
 *          <------------------------------ grant    renews every lease, from the sending of that heartbeat
 *          <------------------------------ install
 *   installed --------------------------->          in force, or refused and why
 *          <------------------------------ stop
 *   stopped ----------------------------->          no longer in force, with the last counters
 *          <------------------------------ policy   what may be translated has changed
 *          <------------------------------ probe    send a small packet towards the clients, as a response would go
 *   probed ------------------------------>          it has left, or why it cannot be told
 *          <------------------------------ checks   which of its applications the agent is to check
 *   health ------------------------------>          what these checks came to
 *          <------------------------------ capture  show me packets; only to an agent whose program can
 *   captureBegun ----------------------->           from now on, and where
 *   captured --------------------------->           some of them, no more unread than was said
 *          <------------------------------ captureTaken  there may be more
 *          <------------------------------ captureStop
 *   captureEnded ----------------------->           that was all, or why there are none
 *   bye ---------------------------------> <------  the reason for ending the connection
 * ```
 *
 * Instructions are named by session and generation; generations come from one increasing counter of the NAT machine and
 * mean something within one epoch (the life of one session table). The two machines never compare clocks: only durations
 * and nonces travel. Everything here is strict: an unknown key or type is an error, `protocol` in `hello` tells versions
 * apart.
 *
 * @module
 */

import { z } from "zod";
import { MAX_FILTER_LENGTH } from "../session/capture_filter.ts";
import { MAXIMUM_PROBE_NONCE } from "../wire/path_probe.ts";

/** The reason of the `bye` of an agent that ends: it translates nothing any more. */
export const AGENT_STOPS = "the agent stops";

/** The version of the protocol that this program speaks. */
export const PROTOCOL = 1;

/** The longest line that an agent may send, its newline not counted. */
export const MAX_LINE_BYTES = 256 * 1024;

/** The longest line that a NAT machine may send: whole lists of its configuration are in one. */
export const MAX_NAT_LINE_BYTES = 4 * 1024 * 1024;

/** The longest array that is accepted in a message. */
export const MAX_ENTRIES = 1000;

/** The same for a list of the NAT machine's configuration: servers of one agent, their services, SNAT ranges. */
export const MAX_LISTED = 10_000;

/** How many entries this program puts in one message, so that the longest entries still fit into a line. */
export const BATCH_ENTRIES = 256;

export const SESSION_ID = /^[A-Za-z0-9_.:-]{1,64}$/;
const sessionId = z.string().regex(SESSION_ID);
const generation = z.int().min(1);
const nonce = z.int().min(1);
/** Not to be guessed; see `path_probe.ts`. */
const probeNonce = z.int().min(1).max(MAXIMUM_PROBE_NONCE);
const count = z.int().min(0);
const protocolName = z.enum(["tcp", "udp"]);
/** Shape only: whoever uses an endpoint or an address parses it, and refuses that entry when it is none. */
const endpoint = z.string().min(1).max(64);
const address = z.string().min(1).max(64);
const identifier = z.string().regex(/^[A-Za-z0-9_.:-]{1,64}$/);
const name = z.string().min(1).max(64).regex(/^\P{Cc}+$/u);
/** For people. No control characters, so that it can be logged as it is. */
const text = z.string().max(300).regex(/^\P{Cc}*$/u);
const program = z.string().max(64).regex(/^\P{Cc}*$/u);
const port = z.int().min(1).max(65535);

const key = { session: sessionId, generation };
const pair = z.strictObject({ source: endpoint, destination: endpoint });
/** What an instruction says. */
const translation = {
  protocol: protocolName,
  match: pair,
  rewrite: pair,
  /** TCP: IP packets larger than this leave in smaller segments; absent: as large as the link carries. */
  pathMtu: z.int().min(68).max(65535).exactOptional(),
};
const instruction = z.strictObject({ ...key, ...translation });

/** What the agent counted for one generation of an instruction, from its start. */
const counters = {
  packets: count,
  bytes: count,
  /** Since the last packet, as the message is written. */
  idleMs: count,
  /** Whether the server's FIN or RST was seen. */
  fin: z.boolean(),
  rst: z.boolean(),
  /** One past the highest TCP sequence number that left directly; null when none did, or for UDP. */
  sequence: z.int().min(0).max(0xffffffff).nullable(),
  /** TCP packets with data or FIN that this generation had sent before; absent: none, or not counted. */
  resent: count.exactOptional(),
  /** Of these, the ones at or before the one resent last: what was resent was not acknowledged either. */
  resentAgain: count.exactOptional(),
};

const lists = {
  /** SNAT addresses: what an instruction's `match.destination` may be. */
  snat: z.array(z.strictObject({ first: address, last: address })).max(MAX_LISTED),
  ports: z.strictObject({ first: port, last: port }),
  /** The services this agent's servers belong to: what an instruction's `rewrite.source` may be. */
  services: z.array(z.strictObject({ name, protocol: protocolName, vip: endpoint }))
    .max(MAX_LISTED),
  /** The servers that this agent speaks for. */
  servers: z.array(endpoint).max(MAX_LISTED),
};

/**
 * Why an agent cannot bypass in one family, though it is `able` in the other: what stands in the way,
 * such as strict reverse-path filtering, is often a matter of one family.
 */
const unable = z.strictObject({
  ipv4: text.exactOptional(),
  ipv6: text.exactOptional(),
});

/** Why an agent refused an instruction. `expired`: it came later than its lease; `unable`: the agent cannot bypass now. */
export const refusalReasons = [
  "expired",
  "stale",
  "conflict",
  "forbidden",
  "malformed",
  "full",
  "busy",
  "unable",
] as const;

const hello = z.strictObject({
  type: z.literal("hello"),
  protocol: z.int().min(1).max(65535),
  program,
  /** Chosen at random by each process: a new one holds nothing of what its predecessor held. */
  instance: identifier,
  able: z.boolean(),
  reason: text.nullable(),
  unable: unable.exactOptional(),
});

const table = z.strictObject({
  type: z.literal("table"),
  entries: z.array(
    z.strictObject({
      ...key,
      epoch: identifier,
      ...translation,
      ...counters,
    }),
  ).max(MAX_ENTRIES),
  last: z.boolean(),
});

const installed = z.strictObject({
  type: z.literal("installed"),
  entries: z.array(z.strictObject(key)).max(MAX_ENTRIES),
  refused: z.array(z.strictObject({ ...key, reason: z.enum(refusalReasons), detail: text }))
    .max(MAX_ENTRIES),
});

const stopped = z.strictObject({
  type: z.literal("stopped"),
  entries: z.array(
    z.strictObject({
      ...key,
      /** Whether the agent held it, or still remembers that it did; if not, the counters are zero and mean nothing. */
      known: z.boolean(),
      /** Why it ended, when nobody asked for it. */
      reason: text.nullable(),
      ...counters,
    }),
  ).max(MAX_ENTRIES),
});

const report = z.strictObject({
  type: z.literal("report"),
  nonce,
  able: z.boolean(),
  reason: text.nullable(),
  unable: unable.exactOptional(),
  entries: z.array(z.strictObject({ ...key, ...counters })).max(MAX_ENTRIES),
});

/** What was asked for by `probe`: how many packets left; when there are none, why. */
const probed = z.strictObject({
  type: z.literal("probed"),
  nonce: probeNonce,
  sent: z.int().min(0).max(16),
  reason: text.nullable(),
});

/** Whom a capture is for; chosen by the NAT machine. */
const captureKey = { id: identifier };

const capture = z.strictObject({
  type: z.literal("capture"),
  ...captureKey,
  /** As `parseCaptureFilter` reads it; sessions resolved. */
  filter: z.string().max(MAX_FILTER_LENGTH),
  /** Bytes of each frame. */
  snapBytes: z.int().min(64).max(65_550),
  /** The agent sends at most this, and never more than a part of what its link carries. */
  bytesPerSecond: z.int().min(1000).max(100_000_000),
  /** What may be on its way without `captureTaken`, so that heartbeats never wait for long. */
  windowBytes: z.int().min(1000).max(1_000_000),
});

const captureTaken = z.strictObject({
  type: z.literal("captureTaken"),
  ...captureKey,
  bytes: z.int().min(0).max(1_000_000),
});

const captureStop = z.strictObject({ type: z.literal("captureStop"), ...captureKey });

const captureCounts = z.strictObject({ captured: count, filtered: count, lost: count });
const linkName = z.string().min(1).max(64).regex(/^\P{Cc}+$/u);

const captureBegun = z.strictObject({
  type: z.literal("captureBegun"),
  ...captureKey,
  sources: z.array(linkName).max(255),
  outputs: z.array(linkName).max(255),
});

const captured = z.strictObject({
  type: z.literal("captured"),
  ...captureKey,
  /** Records, see `capture_record.ts`. */
  data: z.string().max(128 * 1024).regex(/^[A-Za-z0-9+/]*={0,2}$/),
  sessions: z.array(z.strictObject({ slot: count, id: count, session: sessionId, service: name }))
    .max(MAX_ENTRIES),
  counts: captureCounts,
});

const captureEnded = z.strictObject({
  type: z.literal("captureEnded"),
  ...captureKey,
  /** Null: it was stopped. */
  reason: text.nullable(),
  counts: captureCounts,
});

const bye = z.strictObject({ type: z.literal("bye"), reason: text });

const welcome = z.strictObject({
  type: z.literal("welcome"),
  protocol: z.int().min(1).max(65535),
  program,
  instance: identifier,
  epoch: identifier,
  leaseMs: z.int().min(100).max(3_600_000),
  reportMs: z.int().min(10).max(600_000),
  ...lists,
});

const policy = z.strictObject({ type: z.literal("policy"), ...lists });

const install = z.strictObject({
  type: z.literal("install"),
  /** Of the newest report that the NAT machine has: the lease counts from the moment the agent sent it. */
  nonce,
  entries: z.array(instruction).min(1).max(MAX_ENTRIES),
});

/** Packets from a VIP to addresses of the NAT machine and to the next hop that responses to clients take, by that hop. */
const probe = z.strictObject({
  type: z.literal("probe"),
  nonce: probeNonce,
  source: address,
  destinations: z.array(address).max(4),
});

const stop = z.strictObject({
  type: z.literal("stop"),
  /** Ends this and every earlier generation of the session. */
  entries: z.array(z.strictObject(key)).min(1).max(MAX_ENTRIES),
});

const checks = z.strictObject({
  type: z.literal("checks"),
  /** All of them: what is not listed is not checked any more. */
  entries: z.array(z.strictObject({
    server: endpoint,
    intervalMs: z.int().min(100).max(86_400_000),
    timeoutMs: z.int().min(10).max(86_400_000),
  })).max(MAX_LISTED),
});

const health = z.strictObject({
  type: z.literal("health"),
  entries: z.array(z.strictObject({ server: endpoint, good: z.boolean(), detail: text })).min(1)
    .max(MAX_ENTRIES),
});

const grant = z.strictObject({ type: z.literal("grant"), nonce });

/** Schemas of what an agent may send, by type. */
export const agentMessages = {
  hello,
  table,
  installed,
  stopped,
  report,
  probed,
  health,
  captureBegun,
  captured,
  captureEnded,
  bye,
};

/** Schemas of what a NAT machine may send, by type. */
export const natMessages = {
  welcome,
  policy,
  install,
  stop,
  grant,
  probe,
  checks,
  capture,
  captureTaken,
  captureStop,
  bye,
};

export type Hello = z.infer<typeof hello>;
export type Table = z.infer<typeof table>;
export type Installed = z.infer<typeof installed>;
export type Stopped = z.infer<typeof stopped>;
export type Report = z.infer<typeof report>;
export type Probed = z.infer<typeof probed>;
export type Probe = z.infer<typeof probe>;
export type Capture = z.infer<typeof capture>;
export type CaptureTaken = z.infer<typeof captureTaken>;
export type CaptureStop = z.infer<typeof captureStop>;
export type CaptureBegun = z.infer<typeof captureBegun>;
export type Captured = z.infer<typeof captured>;
export type CaptureEnded = z.infer<typeof captureEnded>;
/** About a capture, from the NAT machine and from an agent. */
export type CaptureOrder = Capture | CaptureTaken | CaptureStop;
export type CaptureNews = CaptureBegun | Captured | CaptureEnded;
export type Bye = z.infer<typeof bye>;
export type Welcome = z.infer<typeof welcome>;
export type Policy = z.infer<typeof policy>;
export type Install = z.infer<typeof install>;
export type Stop = z.infer<typeof stop>;
export type Checks = z.infer<typeof checks>;
export type HealthResults = z.infer<typeof health>;
export type Grant = z.infer<typeof grant>;

/** Why an agent cannot bypass, by family; one that can be bypassed is left out. */
export type UnableFamilies = z.infer<typeof unable>;

/** What an agent says of itself. */
export type Ability = Pick<Report, "able" | "reason" | "unable">;

export type AgentMessage =
  | Hello
  | Table
  | Installed
  | Stopped
  | Report
  | Probed
  | HealthResults
  | CaptureNews
  | Bye;
export type NatMessage =
  | Welcome
  | Policy
  | Install
  | Stop
  | Grant
  | Probe
  | Checks
  | CaptureOrder
  | Bye;

/** Match and rewrite for one session's outbound packets. Endpoints are text, `10.0.0.1:80` or `[2001:db8::1]:80`. */
export type Instruction = z.infer<typeof instruction>;
/** What names one generation of one session's instruction. */
export type InstructionKey = Stop["entries"][number];
/** What an agent is asked to check. */
export type CheckEntry = Checks["entries"][number];
/** What one check of it came to. */
export type HealthEntry = HealthResults["entries"][number];
export type TableEntry = Table["entries"][number];
export type StoppedEntry = Stopped["entries"][number];
export type ReportEntry = Report["entries"][number];
export type RefusedEntry = Installed["refused"][number];
export type RefusalReason = (typeof refusalReasons)[number];

/** What may be translated, as the NAT machine announces it to one agent. */
export type Announcement = Pick<Policy, "snat" | "ports" | "services" | "servers">;

/** What the agent counted for one generation of an instruction. */
export type Counters = Pick<
  ReportEntry,
  "packets" | "bytes" | "idleMs" | "fin" | "rst" | "sequence" | "resent" | "resentAgain"
>;

/** Counters of an instruction that never translated a packet. */
export const NO_COUNTERS: Counters = {
  packets: 0,
  bytes: 0,
  idleMs: 0,
  fin: false,
  rst: false,
  sequence: null,
};

/** Makes any text fit to be a message's reason: short, on one line. */
export function asReason(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, " ").slice(0, 300);
}

/** Cuts a list into pieces that fit into one message each; no piece for an empty list. */
export function* inBatches<T>(entries: readonly T[]): Generator<T[]> {
  for (let start = 0; start < entries.length; start += BATCH_ENTRIES) {
    yield entries.slice(start, start + BATCH_ENTRIES);
  }
}
