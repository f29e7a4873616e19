/**
 * What the daemons answer, as far as this folder reads it. Whatever else an answer holds goes through
 * to `--json` untouched.
 *
 * @module
 */
import type { SessionView } from "../session/session_view.ts";

type Counts = Readonly<Record<string, number>>;

export interface NatStatus {
  readonly role: "nat";
  readonly version: string;
  readonly ready: boolean;
  readonly uptimeMs: number;
  readonly interfaces?: readonly string[];
  /** Whether the host's own kernel is spared the packets that the packet workers take. */
  readonly hostShield?: boolean;
  readonly services?: number;
  readonly sessions: {
    readonly total: number;
    readonly bypass: number;
    readonly capacity: number;
  };
  readonly packets: PacketCounts;
  readonly bytes?: Counts;
  /** What `dropped.malformed` is made of. */
  readonly malformed?: Counts;
  readonly worker?: WorkerCounts;
  readonly workers?: readonly WorkerCounts[];
  readonly instructions?: number;
  readonly operator?: OperatorOrders;
  readonly agents: readonly AgentOfNat[];
}

/** What an operator has ordered, until it is taken back. */
export interface OperatorOrders {
  readonly all: boolean;
  readonly services: readonly string[];
  readonly servers: readonly string[];
  readonly sessions: readonly string[];
  readonly draining: readonly string[];
}

export interface AgentOfNat {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly connected: boolean;
  readonly able?: boolean;
  readonly reason?: string | null;
  /** It gives no sign of life. */
  readonly silent?: boolean;
  /** How long ago its last report came. */
  readonly lastReportMs?: number | null;
}

export interface AgentStatus {
  readonly role: "agent";
  readonly version: string;
  readonly ready: boolean;
  readonly uptimeMs: number;
  readonly nat: readonly {
    readonly address: string;
    readonly connected: boolean;
    readonly name: string | null;
    readonly reason: string | null;
  }[];
  readonly bypass: { readonly able: boolean; readonly reason: string | null };
  readonly instructions: number;
  readonly packets: PacketCounts;
  readonly bytes?: Counts;
  readonly malformed?: Counts;
  readonly worker?: WorkerCounts;
  readonly workers?: readonly WorkerCounts[];
}

/** Of a thread that carries packets, or of all of them. */
export interface WorkerCounts {
  /** How long it was not waiting for packets. */
  readonly busyMs: number;
  /** The longest time between two looks at packets that waited, since the start. */
  readonly longestTurnMs?: number;
  /** The most CPU time that it took between two such looks. */
  readonly longestTurnCpuMs?: number;
  /** How it hands packets to the kernel: `io_uring`, or `sendmmsg` where that cannot be had. */
  readonly sendsBy?: string;
}

/** Numbers by name, and one table of them: why packets went no further. */
export type PacketCounts = { readonly dropped: Counts } & {
  readonly [name: string]: number | Counts;
};

export type Status = NatStatus | AgentStatus;

export interface ServiceView {
  readonly name: string;
  readonly protocol: string;
  readonly vip: string;
  readonly scheduler: string;
  readonly servers: number;
  readonly up: number;
  readonly health?: "up" | "down" | "unknown";
  readonly healthReason?: string | null;
  readonly healthSinceMs?: number;
  readonly sessions: number;
  readonly bypassing: number;
  readonly start: string;
  readonly stop: string;
}

export interface ServerView {
  readonly service: string;
  readonly address: string;
  readonly weight: number;
  readonly health: "up" | "down" | "unknown";
  /** What it comes from, and for how long it has been so. */
  readonly healthReason?: string | null;
  readonly healthSinceMs?: number;
  readonly draining: boolean;
  /** No longer in the configuration. */
  readonly removed?: boolean;
  /** Part of its weight that counts for new sessions now. */
  readonly share?: number;
  readonly sessions: number;
  /** How it answered new sessions. */
  readonly passive?: Counts | null;
  readonly agent: {
    readonly connected: boolean;
    readonly bypass: "able" | "unable" | "unknown";
    readonly reason: string | null;
  };
}

export interface InstructionView {
  readonly session: string;
  readonly generation: number;
  readonly protocol: string;
  readonly match: { readonly source: string; readonly destination: string };
  readonly rewrite: { readonly source: string; readonly destination: string };
  readonly packets: number;
  readonly bytes: number;
  readonly lastUsedMs: number | null;
  readonly leaseMs: number;
  /** How far the instruction is, in the words of a NAT machine or of an agent. */
  readonly state?: "sent" | "installed" | "stopping" | "adding" | "live" | "removing";
}

/** Where the sessions are to be found, and what their table does not say. */
export interface SessionsAnswer {
  /** The mapped file. */
  readonly state: string;
  /** Names the table in it. */
  readonly epoch?: number;
  /** Boot time. */
  readonly nowMs: number;
  readonly services: readonly {
    readonly name: string;
    readonly protocol: string;
    readonly vip: string;
  }[];
  /** By server endpoint: what is left of the lease of the agent that speaks for it. */
  readonly leases: Readonly<Record<string, number>>;
}

/** As in lib/control/event_log.ts. */
export interface EventView {
  readonly time: number;
  readonly type: string;
  readonly [detail: string]: string | number | boolean | null;
}

export interface Explanation {
  readonly steps: readonly {
    readonly step: string;
    readonly result: string;
    readonly detail: string;
  }[];
  readonly verdict: string;
  readonly session: SessionView | null;
}
