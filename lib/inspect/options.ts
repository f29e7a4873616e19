import type { Trends } from "./trends.ts";

/** What the command line says, for every `bypath inspect` command alike. What was not given is absent. */
export interface InspectOptions {
  readonly what:
    | "status"
    | "services"
    | "servers"
    | "sessions"
    | "instructions"
    | "events"
    | "explain"
    | "top"
    | "capture";
  /** Absent: the NAT machine's default socket, then the agent's. */
  readonly socket?: string;
  readonly json: boolean;
  /** A name, or the endpoint of its VIP. */
  readonly service?: string;
  /** `ADDRESS`, `PREFIX/LENGTH`, `ADDRESS:PORT` or `:PORT`. */
  readonly server?: string;
  /** Likewise. */
  readonly client?: string;
  readonly path?: "nat" | "bypass";
  /** `KEY`, `-KEY`, or several with commas between. */
  readonly sort?: string;
  readonly limit?: number;
  /** Of tables: shows them again and again, this often. */
  readonly watchMs?: number;
  /** Of top: how often it looks. */
  readonly topMs?: number;
  /** What the rows were at the looks before, while they are shown again and again. */
  readonly trends?: Trends;
  /** Of events: only of these types, or that begin with these words. */
  readonly types?: readonly string[];
  /** Of events: only of this session, of this agent. */
  readonly session?: string;
  readonly agent?: string;
  /** Of events: go on as more happen. */
  readonly follow?: boolean;
  /** Of explain: `tcp 198.51.100.2:40000 > 203.0.113.10:80`. */
  readonly packet?: string;
  readonly capture?: CaptureOptions;
}

/** Of capture. */
export interface CaptureOptions {
  /** As `parseCaptureFilter` reads it; empty: everything. */
  readonly filter: string;
  /** `nat`, `all` or `agent NAME`; none: where it is asked. */
  readonly at: readonly string[];
  /** A pcapng file, `-` for stdout; absent: lines for people. */
  readonly write?: string;
  /** Bytes of each frame. Default 256. */
  readonly snapBytes?: number;
  /** Ends after so many packets. */
  readonly count?: number;
  readonly seconds?: number;
}

/** What a verb is about. A server is `ADDRESS` or `ADDRESS:PORT`. */
export type VerbTarget =
  | { readonly kind: "session" | "server" | "service"; readonly name: string }
  | { readonly kind: "all" };

/** `nat VERB`. */
export interface VerbOptions {
  readonly verb: "reload" | "bypass stop" | "bypass start" | "drain" | "undrain";
  /** Absent: of `reload`. */
  readonly target?: VerbTarget;
  /** Absent: the NAT machine's default socket. */
  readonly socket?: string;
  readonly json: boolean;
  /** Of `reload`: only says what would be done. */
  readonly dryRun?: boolean;
}
