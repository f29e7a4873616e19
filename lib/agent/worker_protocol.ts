import type { PacketThreadPace, PacketThreadShared } from "../datapath/packet_thread_end.ts";
import type { TapOrder } from "../datapath/capture_tap.ts";
import type { InstructionMemory } from "./instruction_table.ts";

/** The first message to a packet worker of an agent. */
export interface AgentWorkerStart {
  readonly kind: "start";
  /** Its number, from 0. */
  readonly worker: number;
  readonly memory: InstructionMemory;
  readonly shared: PacketThreadShared;
  readonly pace: PacketThreadPace;
  /** Where the memory shared with the watchdog is. */
  readonly heartbeat: bigint;
  /** File descriptor of its queue of the tun device. */
  readonly tun: number;
  /** Where direct responses leave; null: by the routing table. */
  readonly directInterface: string | null;
  /** Interfaces that packets may leave by. */
  readonly interfaces: readonly string[];
  readonly key: readonly [number, number];
}

/** Messages after the first. */
export type AgentWorkerMessage =
  /** SNAT addresses and the interface of the ordinary way to each of them. */
  | {
    readonly kind: "snat";
    readonly ways: readonly {
      readonly prefix: string;
      readonly interfaceIndex: number;
    }[];
  }
  /** A request: packets are captured from the answer on. */
  | { readonly kind: "tap"; readonly order: TapOrder }
  /** A request: that capture is over. */
  | { readonly kind: "untap"; readonly id: number }
  | { readonly kind: "quit" };

/** Ring records, main to worker: [command, slot, 0, 0]. */
export const AGENT_COMMAND = { add: 1, remove: 2 } as const;

/** Ring records, worker to main: [event, slot, 0, 0]. */
export const AGENT_EVENT = {
  added: 1,
  removed: 2,
  /** FIN or RST was seen. */
  closing: 3,
  /** A SYN left an endpoint that an instruction is about: it is for another session by now. */
  reopened: 4,
  /** TCP data was sent again. */
  resent: 5,
} as const;
