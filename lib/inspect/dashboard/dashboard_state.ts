import type { ChartMark, ThroughputPoint } from "../../page/throughput_chart.ts";
import type { SessionView } from "../../session/session_view.ts";
import type { EventView, NatStatus, ServerView, ServiceView } from "../answers.ts";

/** Smoothed, in bytes a second, of a server endpoint. */
export interface ServerRates {
  readonly fromClient: number;
  readonly viaNat: number;
  readonly viaBypass: number;
}

/** A session with its rate in bytes a second, both directions and paths together. */
export interface RatedSession extends SessionView {
  readonly rate: number;
}

/** Packets a second by the name of what is counted. */
export type Rates = ReadonlyMap<string, number>;

/** What was seen of a NAT machine at one moment. */
export interface Sample {
  /** Since 1970. */
  readonly atMs: number;
  readonly status: NatStatus;
  readonly servers: readonly ServerView[];
  readonly services: readonly ServiceView[];
  /** By `address:port`. */
  readonly rates: ReadonlyMap<string, ServerRates>;
  /** The busiest, the busiest first. */
  readonly sessions: readonly RatedSession[];
  readonly drops: Rates;
  /** Share of its time in which the packet thread was at work; null: not known yet. */
  readonly busy: number | null;
}

/** All that the page shows. */
export interface DashboardState {
  readonly socket: string;
  /** Why the NAT machine is not seen, and since when; null: it is. */
  readonly trouble: { readonly why: string; readonly sinceMs: number } | null;
  /** The newest, also of a NAT machine that is not seen any more. */
  readonly sample: Sample | null;
  readonly history: readonly ThroughputPoint[];
  readonly marks: readonly ChartMark[];
  /** The newest last. */
  readonly events: readonly EventView[];
}
