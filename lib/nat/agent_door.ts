import type { ControlConfig } from "../config/nat_config.ts";
import type { NatMessage } from "../control/messages.ts";
import type { NatMachine } from "./nat_machine.ts";
export interface AgentDoor {
  open(): Promise<void>;
  close(): Promise<void>;
  send(agent: string, message: NatMessage): void;
  announce(): void;
}
export function openAgentDoor(_machine: NatMachine, _control: ControlConfig): AgentDoor {
  throw new Error("not yet");
}
