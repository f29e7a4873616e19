import type { BypathLab } from "../../bypath_lab.ts";
import type { LabProcess } from "../../lab_process.ts";
import { ADDRESSES } from "../../topology.ts";
import type { GapRunResult } from "../../traffic/gap_run.ts";
import { SESSION_CLIENTS, type SessionRunResult } from "../../traffic/session_run.ts";
import { LOAD } from "./datagrams.ts";

/** Leads the answers to the many clients back to the client's machine, which drops them. */
export async function routeSessionClients(lab: BypathLab): Promise<void> {
  const route = ["route", "add", SESSION_CLIENTS, "via", ADDRESSES.client];
  await lab.lab.mustRun("router", ["ip", ...route]);
}

export interface SessionsOptions {
  readonly host: string;
  readonly clients: number;
  readonly count: number;
  readonly rate: number;
  readonly scattered?: boolean;
  /** When the first one is sent, by the wall clock in milliseconds; default: at once. */
  readonly at?: number;
  /** When a sender that is slow gives up; default: never. */
  readonly mostMs?: number;
  /** Default: that of loads. */
  readonly port?: number;
}

/** Datagrams of so many clients, a session each. */
export async function sendSessions(
  lab: BypathLab,
  options: SessionsOptions,
): Promise<SessionRunResult> {
  const { host, clients, count, rate, scattered = false, at = 0, mostMs = Infinity } = options;
  const { port = LOAD.port } = options;
  const process = lab.startTraffic(
    ...["client", "session-run", `${host}:${port}`, "--clients", `${clients}`] as const,
    ...[
      "--count",
      `${count}`,
      "--rate",
      `${rate}`,
      // Not by the road that is measured: a table full of sessions without answers takes no other.
      "--ask",
      `${ADDRESSES.s1}:${port}`,
      "--most-ms",
      `${mostMs}`,
      "--at",
      `${at}`,
      ...(scattered ? ["--scattered"] : []),
    ],
  );
  return JSON.parse((await process.finish(300_000)).at(-1)!) as SessionRunResult;
}

/** A session in which a request goes out each millisecond; settles when the first is answered. */
export async function startGapRun(
  lab: BypathLab,
  { host, port = LOAD.port, forMs, delayMs = 0 }: {
    readonly host: string;
    /** Default: that of loads. */
    readonly port?: number;
    readonly forMs: number;
    /** What goes out before that does not count. */
    readonly delayMs?: number;
  },
): Promise<{ process: LabProcess; result(): Promise<GapRunResult> }> {
  const target = `${host}:${port}`;
  const times = ["--for-ms", `${forMs}`, "--delay-ms", `${delayMs}`];
  const process = lab.startTraffic("client", "gap-run", target, ...times);
  await process.waitForLine((line) => line.includes('"event":"answered"'), { timeoutMs: 30_000 });
  return {
    process,
    result: async () => {
      const isLast = (line: string) => line.includes('"event":"gap"');
      return JSON.parse(await process.waitForLine(isLast, { timeoutMs: forMs + 30_000 }));
    },
  };
}
