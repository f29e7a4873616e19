import type { Costs } from "./costs.ts";
import type { Measurements } from "./measurements.ts";

/** Something that the benches measured and that the model did not take from them. */
export interface ModelCheck {
  readonly name: string;
  readonly unit: "share" | "s";
  readonly model: number;
  readonly measured: number;
}

const BYTES = 64 * 1024;
const CONNECTIONS = 8;
const SHARE = "response bytes over the NAT machine's link, of those served";
const TIME = "CPU time of the NAT machine's process for a gigabyte served";

/** The nat-load bench of the road `bypath-criteria`, computed. Pure. */
export function checkModel(run: Measurements, costs: Costs): ModelCheck[] {
  const subject = "bypath-criteria";
  const rate = run.figure({
    bench: "bulk-tcp",
    quantity: "to the client, 8 connections",
    subject,
  }).median;
  const switching = run.figure({
    bench: "switch-latency",
    quantity: "time to the first direct packet",
    subject: "TCP at full speed, after 64 KiB",
  }).median;
  const served = rate / 8 * run.secondsOf("nat-load");
  const share = (CONNECTIONS * BYTES + rate / 8 * switching) / served;
  const { viaNatByte, bypassedByte, kernelFactor } = costs;
  const time = (share * viaNatByte + (1 - share) * bypassedByte) / kernelFactor * 1e9;
  const measured = (quantity: string) =>
    run.figure({ bench: "nat-load", quantity, subject }).median;
  return [
    { name: SHARE, unit: "share", model: share, measured: measured(SHARE) },
    { name: TIME, unit: "s", model: time, measured: measured(TIME) },
  ];
}
