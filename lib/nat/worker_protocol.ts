import type { DatapathConfig } from "./datapath_config.ts";

/** The first message to the packet worker of a NAT machine. */
export interface NatWorkerStart {
  readonly kind: "start";
  readonly config: DatapathConfig;
  /** Names of the one or two interfaces. */
  readonly interfaces: readonly string[];
  readonly shared: NatWorkerShared;
  /** The session table: memory mapped by the main thread, which outlives the worker. */
  readonly table: { readonly address: bigint; readonly lengthBytes: number };
  /** Two random words. */
  readonly key: readonly [number, number];
}

/** Memory that the main thread and the packet worker share. */
export interface NatWorkerShared {
  readonly counters: SharedArrayBuffer;
  /** Ring, worker to main: {@linkcode EVENT}. */
  readonly events: SharedArrayBuffer;
  /** Ring, main to worker: {@linkcode COMMAND}. */
  readonly commands: SharedArrayBuffer;
  readonly journal: SharedArrayBuffer;
  /** Int32: see {@linkcode SIGNAL}. */
  readonly signals: SharedArrayBuffer;
  /** An eventfd. */
  readonly bell: number;
}

/** Messages after the first. Each is announced in SIGNAL.posted, so that the worker looks. */
export type NatWorkerMessage =
  | { readonly kind: "configure"; readonly config: DatapathConfig }
  | { readonly kind: "eligible"; readonly service: number; readonly eligible: readonly boolean[] }
  | { readonly kind: "quit" };

/** Messages from the worker. */
export type NatWorkerAnswer =
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly message: string }
  /** The events ring was empty and is no longer. */
  | { readonly kind: "bell" }
  | { readonly kind: "done" };

export const SIGNAL = { sleeping: 0, posted: 1 } as const;

/** Ring records, main to worker: [command, slot, session id, value]. */
export const COMMAND = {
  /** The criteria decide again. */
  rearm: 1,
  /** The agent saw TCP flags (the value) from the server. */
  saw: 2,
} as const;

/** Ring records, worker to main: [event + 256 * reason, slot, session id, value]. */
export const EVENT = {
  /** The start criteria are met. */
  crossed: 1,
  /** A session with an instruction is over. */
  ended: 2,
} as const;
