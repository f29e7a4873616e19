import type { BypathLab } from "../../bypath_lab.ts";
import { IPERF_PORT } from "../../ports.ts";
import type { BenchService } from "../road.ts";

export const IPERF: BenchService = { name: "iperf", protocol: "tcp", port: IPERF_PORT };

export interface IperfOptions {
  readonly host: string;
  readonly direction: "to-client" | "to-server";
  readonly connections: number;
  readonly seconds: number;
}

/** Bits a second of TCP payload that arrived, by iperf3. */
export async function iperf(lab: BypathLab, options: IperfOptions): Promise<number> {
  const { host, direction, connections, seconds } = options;
  const text = await lab.lab.mustRun("client", [
    ...["iperf3", "--client", host, "--port", `${IPERF_PORT}`, "--time", `${seconds}`, "--json"],
    ...["--parallel", `${connections}`, ...(direction === "to-client" ? ["--reverse"] : [])],
  ]);
  const { end } = JSON.parse(text) as { end: { sum_received: { bits_per_second: number } } };
  return end.sum_received.bits_per_second;
}
