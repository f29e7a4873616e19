import type { Assumed, Values } from "./inputs.ts";

/** What the model counts with, in seconds of one core and bytes. */
export interface Costs {
  /** The NAT machine's time for each second of its process: the kernel receives and sends for it. */
  readonly kernelFactor: number;
  /** The NAT machine for a byte that passes it. */
  readonly viaNatByte: number;
  /** The NAT machine for a byte that bypasses it: its acknowledgements. */
  readonly bypassedByte: number;
  /** The NAT machine for opening and closing a session. */
  readonly session: number;
  /** The NAT machine for an instruction: install, report, stop. */
  readonly instruction: number;
  /** Instructions a second that a control channel was seen to carry. */
  readonly instructionsPerSecond: number;
  /** The agent's packet worker for a byte that it sends. */
  readonly agentByte: number;
  /** Bytes that still pass the NAT machine after the criterion is met. */
  readonly overshootBytes: number;
}

/** Pure. `labCores`: of the machine that the benches ran on, all of which its machines share. */
export function costsOf(values: Values, assumed: Assumed, labCores: number): Costs {
  const { viaNatTime, hostTime, directTime, packetIn, packetOut } = values;
  const kernelFactor = Math.max(1, (hostTime - directTime) / viaNatTime);
  const further = Math.max(0, assumed.packets - 2) * (packetIn + packetOut) / 2;
  const instruction = 1 / values.instructedConnections - 1 / values.connections;
  return {
    kernelFactor,
    viaNatByte: kernelFactor * viaNatTime / 1e9,
    bypassedByte: kernelFactor * values.bypassTime / 1e9,
    session: kernelFactor * (1 / values.sessionRate + further),
    instruction: Math.max(0, labCores * instruction * assumed.natPart),
    instructionsPerSecond: values.instructedConnections,
    agentByte: values.agentTime / 1e9,
    overshootBytes: values.switchTime * assumed.sessionMbit * 1e6 / 8,
  };
}

/** What has to be left of a session for its instruction to save the NAT machine time. */
export function breakEvenBytes({ instruction, viaNatByte, bypassedByte }: Costs): number {
  const saved = viaNatByte - bypassedByte;
  return saved > 0 ? instruction / saved : Infinity;
}
