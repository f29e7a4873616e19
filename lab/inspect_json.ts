/** The JSON of `bypath inspect`, as far as the lab reads it. */

export interface InspectedSession {
  readonly id: string;
  readonly service: string;
  readonly protocol: "tcp" | "udp";
  readonly client: string;
  readonly vip: string;
  readonly nat: string;
  readonly server: string;
  readonly state: string;
  /** The way the next response packet takes. */
  readonly path: "nat" | "bypass";
  readonly reason: string;
  readonly packets: InspectedCounts;
  readonly bytes: InspectedCounts;
  readonly ageMs: number;
  readonly idleMs: number;
  readonly pathMtu: number | null;
  readonly instruction:
    | { readonly generation: number; readonly state: string; readonly leaseMs: number }
    | null;
}

export interface InspectedCounts {
  readonly fromClient: number;
  readonly viaNat: number;
  readonly viaBypass: number;
}

export interface InspectedInstruction {
  readonly session: string;
  readonly generation: number;
  readonly protocol: string;
  readonly match: { readonly source: string; readonly destination: string };
  readonly rewrite: { readonly source: string; readonly destination: string };
  readonly pathMtu: number | null;
  readonly packets: number;
  readonly bytes: number;
}

export interface InspectedServer {
  readonly service: string;
  readonly address: string;
  readonly health: string;
  /** For how long it has been so. */
  readonly healthSinceMs: number;
  readonly draining: boolean;
  readonly sessions: number;
  readonly agent: {
    readonly connected: boolean;
    readonly bypass: "able" | "unable" | "unknown";
    readonly reason: string | null;
  };
}

export interface InspectedStatus {
  readonly role: string;
  readonly version: string;
  readonly ready: boolean;
  /** Of a NAT machine. */
  readonly hostShield?: boolean;
  readonly sessions: { readonly total: number; readonly bypass: number; readonly capacity: number };
  readonly packets: {
    readonly received: number;
    readonly forwarded: number;
    readonly dropped: Readonly<Record<string, number>>;
  };
  /** Of all packet workers together. */
  readonly worker: {
    readonly socketDrops: number;
    readonly longestTurnMs: number;
    readonly longestTurnCpuMs: number;
  };
  /** Of each packet worker. */
  readonly workers: readonly {
    readonly received: number;
    readonly handedOver: number;
    readonly socketDrops: number;
    readonly longestTurnMs: number;
  }[];
  /** Connections of agents that came to nothing, and how often an agent was held back. */
  readonly control: { readonly refused: number; readonly heldBack: number };
  readonly agents: readonly {
    readonly name: string;
    readonly connected: boolean;
    readonly silent: boolean;
  }[];
}
