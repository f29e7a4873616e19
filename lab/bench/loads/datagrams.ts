import type { BypathLab } from "../../bypath_lab.ts";
import type { LabProcess } from "../../lab_process.ts";
import { ADDRESSES } from "../../topology.ts";
import type { EchoRunResult } from "../../traffic/echo_run.ts";
import type { LoadRunResult } from "../../traffic/load_run.ts";
import type { BenchService } from "../road.ts";

export const LOAD: BenchService = { name: "load", protocol: "udp", port: 9100 };

/** Another one, for sessions that are looked at beside a load. */
export const BESIDE: BenchService = { name: "beside", protocol: "udp", port: 9101 };

export type Direction = "to-server" | "to-client";

/** The ports that a load comes from, and in the other direction goes to. */
const FLOWS = 8;

/** The machines that datagrams are sent from, with the devices that they leave by. */
const SENDERS = [
  { node: "client", device: "eth0" },
  { node: "router", device: "eth1" },
  { node: "router", device: "eth2" },
  { node: "s1", device: "eth0" },
] as const;

/** The program on s1 that counts datagrams, sends them when asked, and echoes them. */
export async function startLoadPeer(
  lab: BypathLab,
  { port }: { readonly port: number } = LOAD,
): Promise<LabProcess> {
  // The senders have the kernel cut large packets, which is cheap; it is to be done before the wire.
  for (const { node, device } of SENDERS) {
    await lab.lab.mustRun(node, ["ethtool", "-K", device, "tx-udp-segmentation", "off"]);
  }
  const peer = lab.startTraffic("s1", "load-peer", "--listen", `${ADDRESSES.s1}:${port}`);
  await peer.waitForLine((line) => line.includes('"event":"listening"'));
  return peer;
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
  const client = startLoadRun(lab, "client", options);
  return JSON.parse((await client.finish()).at(-1)!) as LoadRunResult;
}

/** Small datagrams to the server, from the router; settles when they are being sent. */
export async function startLoadFromRouter(
  lab: BypathLab,
  options: Omit<LoadOptions, "direction">,
): Promise<LabProcess> {
  const sender = startLoadRun(lab, "router", { ...options, direction: "to-server" });
  await sender.waitForLine((line) => line.includes('"event":"sending"'));
  return sender;
}

function startLoadRun(
  lab: BypathLab,
  node: "client" | "router",
  { host, direction, rate, seconds, at = 0 }: LoadOptions,
): LabProcess {
  return lab.startTraffic(
    ...[node, "load-run", `${host}:${LOAD.port}`, "--direction", direction] as const,
    ...["--rate", `${Math.round(rate)}`, "--for-ms", `${Math.round(seconds * 1000)}`],
    ...["--count", `${FLOWS}`, "--at", `${at}`],
  );
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
