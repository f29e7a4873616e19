import type { TimeoutName } from "./case.ts";
import type { End } from "./reference.ts";

/** Where packets go in and come out. */
export type Side = "client" | "S1" | "S2";

/** A packet that came out. */
export interface Output {
  readonly side: Side;
  /** Did it pass the NAT machine, or did the agent send it directly? */
  readonly by: "nat" | "agent";
  /** From the IP header on, without padding. */
  readonly bytes: Uint8Array;
  /** Its checksum holds the pseudo-header's sum alone. */
  readonly partial: boolean;
  /** It will be cut into segments with so much payload; 0: it is as large as it looks. */
  readonly segmentBytes: number;
}

export interface Injection {
  readonly side: Side;
  /** From the server's kernel to its agent, instead of onto the wire. */
  readonly toAgent: boolean;
  readonly bytes: Uint8Array;
  readonly partial: boolean;
  readonly mac: "machine" | "broadcast" | "multicast" | "another machine";
  /** Default: that of the packet's version. */
  readonly etherType?: number | undefined;
  readonly tag?: Uint8Array | undefined;
}

/** What was counted, by NAT machine and agent together. */
export interface Counted {
  readonly received: number;
  readonly forwarded: number;
  readonly answered: number;
  /** By reason; malformed packets by what is malformed. */
  readonly dropped: Readonly<Record<string, number>>;
}

export interface Result {
  readonly out: readonly Output[];
  /** Since the last packet. */
  readonly counted: Counted;
}

export interface SessionRef {
  readonly protocol: "tcp" | "udp";
  readonly client: End;
  readonly vip: End;
}

/** A session with the endpoints that the NAT machine has chosen for it. */
export type BoundSession = SessionRef & { readonly nat: End; readonly server: End };

/** The NAT machine and the agent on S1, as pure code or as daemons in the lab. */
export interface World {
  readonly kind: "pure" | "lab";
  /** Puts a packet in and waits until everything that it causes has come out. */
  send(injection: Injection): Promise<Result>;
  /** Returns when the agent has the instruction for this session and uses it. */
  bypass(session: BoundSession): Promise<void>;
  /** Returns when the agent has heard of a path MTU, should it have the session's instruction. */
  pathMtuHeard(session: BoundSession): Promise<void>;
  /** The session's state, or `none`. */
  session(session: SessionRef): Promise<string>;
  /** Lets time pass; returns what was counted meanwhile. */
  idle(timeout: TimeoutName, until: "just before" | "just after"): Promise<Counted>;
  /** After the last step: what is still there although all timers have fired. */
  leftovers(): Promise<string[]>;
}

export function countedBetween(before: Counted, after: Counted): Counted {
  const dropped: Record<string, number> = {};
  for (const [name, count] of Object.entries(after.dropped)) {
    const more = count - (before.dropped[name] ?? 0);
    if (more !== 0) dropped[name] = more;
  }
  return {
    received: after.received - before.received,
    forwarded: after.forwarded - before.forwarded,
    answered: after.answered - before.answered,
    dropped,
  };
}
