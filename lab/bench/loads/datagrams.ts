import type { BypathLab } from "../../bypath_lab.ts";
import { ADDRESSES } from "../../topology.ts";
import type { EchoRunResult } from "../../traffic/echo_run.ts";
import type { LoadRunResult } from "../../traffic/load_run.ts";
import type { BenchService } from "../road.ts";

export const LOAD: BenchService = { name: "load", protocol: "udp", port: 9100 };

export type Direction = "to-server" | "to-client";

/** The ports that a load comes from, and in the other direction goes to. */
const FLOWS = 8;

/** The program on s1 that counts datagrams, sends them when asked, and echoes them. */
export async function startLoadPeer(lab: BypathLab): Promise<void> {
  // The senders have the kernel cut large packets, which is cheap; it is to be done before the wire.
  for (const node of ["client", "s1"] as const) {
    await lab.lab.mustRun(node, ["ethtool", "-K", "eth0", "tx-udp-segmentation", "off"]);
  }
  const listen = `${ADDRESSES.s1}:${LOAD.port}`;
  const peer = lab.startTraffic("s1", "load-peer", "--listen", listen);
  await peer.waitForLine((line) => line.includes('"event":"listening"'));
}

export interface LoadOptions {
  readonly host: string;
  readonly direction: Direction;
  /** Datagrams a second. */
  readonly rate: number;
  readonly seconds: number;
  /** When the first one to the server is sent, by the wall clock in milliseconds; default: at once. */
  readonly at?: number;
}

/** Small datagrams one way at a rate. */
export async function load(lab: BypathLab, options: LoadOptions): Promise<LoadRunResult> {
  const { host, direction, rate, seconds, at = 0 } = options;
  const client = lab.startTraffic(
    ...["client", "load-run", `${host}:${LOAD.port}`, "--direction", direction] as const,
    ...["--rate", `${Math.round(rate)}`, "--for-ms", `${seconds * 1000}`, "--count", `${FLOWS}`],
    ...["--at", `${at}`],
  );
  return JSON.parse((await client.finish()).at(-1)!) as LoadRunResult;
}

export interface EchoOptions {
  readonly host: string;
  /** Requests a second. */
  readonly rate: number;
  readonly seconds: number;
}

/** One small request at a time, at a rate. */
export async function echo(lab: BypathLab, options: EchoOptions): Promise<EchoRunResult> {
  const { host, rate, seconds } = options;
  const client = lab.startTraffic(
    ...["client", "echo-run", `${host}:${LOAD.port}`, "--rate", `${rate}`] as const,
    ...["--for-ms", `${seconds * 1000}`],
  );
  return JSON.parse((await client.finish()).at(-1)!) as EchoRunResult;
}
