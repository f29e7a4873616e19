import { VERSION } from "../config/version.ts";
import { AdminError, type AdminRequest } from "../control/admin_protocol.ts";
import { passDescriptors } from "../linux/descriptor_passing.ts";
import { notify, type ServiceManager, serviceManager } from "../linux/systemd.ts";
import { LAYOUT_VERSION } from "../session/layout.ts";
import type { NatMachine } from "./nat_machine.ts";

/** The version of what the two processes of a takeover say to each other. */
export const TAKEOVER = 1;

/**
 * How long a machine stands still for a process that does not go on: no session may hang for longer
 * than 3 s, and taking a table of many sessions takes its time (a second for a million on a host of
 * its own, more than four on a busy one).
 */
const PATIENCE_MS = 2_500;
const PATIENCE_MS_PER_SESSION = 0.004;
/** How long this process waits, at its end, for the other one to be ready. */
const FAREWELL_MS = 5_000;

/** What the process that takes over has to know before. */
export interface TakeoverTerms {
  readonly pid: number;
  readonly program: string;
  /** Path of the session table. */
  readonly state: string;
  readonly interfaces: readonly string[];
  readonly service: ServiceManager;
}

/** What a takeover does to the machine that lets go. */
export interface ReliefTargets {
  /** Nothing may change while another process takes this one's place. */
  readonly isFrozen: boolean;
  /** Stands still between two batches; answers with the packet sockets, by worker and interface, which go on collecting. */
  freeze(): Promise<readonly number[]>;
  /** Goes on as if nothing had happened. */
  thaw(): void;
  /** The host and the agents are the other process's. */
  letGo(): Promise<void>;
}

/**
 * Lets another process take this one's place, in three requests on one connection.
 *
 * ```
 *   the process that takes over                this one
 *     offer  ------------------------------>     may it be? says what there is
 *     (gets ready as far as it can)
 *     freeze ------------------------------>     moves no packets any more, passes its sockets, its lock, its name
 *     (takes the table, in the worker too; packets wait in the sockets)
 *     commit ------------------------------>     lets go of everything else, and ends
 * ```
 *
 * When the connection ends before the commit, whatever the reason, this process goes on.
 */
export class Relief {
  readonly #machine: NatMachine;
  #other: { readonly pid: number; readonly signal: AbortSignal } | null = null;
  #isFrozen = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #relieved = new AbortController();

  constructor(machine: NatMachine) {
    this.#machine = machine;
  }

  /** Aborted when another process has taken over. */
  get relieved(): AbortSignal {
    return this.#relieved.signal;
  }

  /** @throws {AdminError} when it cannot be; nothing has changed then */
  async answer(request: AdminRequest, signal: AbortSignal): Promise<unknown> {
    switch (request.step) {
      case "offer":
        return this.#offered(request, signal);
      case "freeze":
        return await this.#freeze(request, signal);
      case "commit":
        return await this.#commit(signal);
      default:
        throw new AdminError("A takeover has no such step", 2);
    }
  }

  #offered(request: AdminRequest, signal: AbortSignal): TakeoverTerms {
    const { takeover, layout, namespace, pid } = request;
    if (this.#other !== null) {
      throw new AdminError(`Cannot hand over: process ${this.#other.pid} is taking over already`);
    }
    if (takeover !== TAKEOVER || layout !== LAYOUT_VERSION) {
      throw new AdminError(
        `Cannot hand over: this is bypath ${VERSION} with table layout ${LAYOUT_VERSION} and ` +
          `takeover protocol ${TAKEOVER}, the other has ${layout} and ${takeover}; ` +
          "stop this one and start the other",
      );
    }
    if (namespace !== networkNamespace()) {
      throw new AdminError("Cannot hand over: the other process is in another network namespace");
    }
    this.#other = { pid: Number(pid), signal };
    signal.addEventListener("abort", () => this.#goOn("the other process has gone"));
    const { config } = this.#machine;
    return {
      pid: Deno.pid,
      program: `bypath ${VERSION}`,
      state: config.state,
      interfaces: config.interfaces,
      service: serviceManager(),
    };
  }

  async #freeze({ inbox }: AdminRequest, signal: AbortSignal): Promise<void> {
    if (this.#other?.signal !== signal) throw new AdminError("Nothing was offered");
    this.#isFrozen = true;
    const { relief, state, name } = this.#machine;
    const patienceMs = PATIENCE_MS + PATIENCE_MS_PER_SESSION * state.records.used;
    this.#timer = setTimeout(() => this.#goOn("the other process took too long"), patienceMs);
    try {
      const sockets = await relief.freeze();
      if (!this.#isFrozen) {
        // Given up meanwhile: what went on then has been stopped once more since.
        relief.thaw();
        throw new Error("the other process has gone, or took too long");
      }
      const descriptors = [state.lock.fd.number, name.fd.number, ...sockets];
      passDescriptors(String(inbox), { text: "", descriptors });
    } catch (error) {
      this.#goOn("it could not hand over");
      throw new AdminError(`Cannot hand over: ${(error as Error).message}`);
    }
  }

  async #commit(signal: AbortSignal): Promise<void> {
    const other = this.#other;
    if (!this.#isFrozen || other?.signal !== signal) {
      throw new AdminError("Cannot hand over any more: this process has gone on");
    }
    clearTimeout(this.#timer);
    this.#isFrozen = false;
    await this.#machine.relief.letGo();
    try {
      notify(`MAINPID=${other.pid}`);
    } catch (error) {
      this.#machine.events.add("service-manager-untold", { why: (error as Error).message });
    }
    // The answer has to get out, and the other one to begin: only then is this process superfluous.
    const end = () => this.#relieved.abort();
    other.signal.addEventListener("abort", end);
    setTimeout(end, FAREWELL_MS);
  }

  #goOn(why: string): void {
    const pid = this.#other?.pid ?? 0;
    this.#other = null;
    clearTimeout(this.#timer);
    if (!this.#isFrozen) return;
    this.#isFrozen = false;
    this.#machine.relief.thaw();
    this.#machine.events.add("takeover-failed", { pid, why });
  }
}

/** The network namespace of this process: two machines in different ones have nothing to hand over. */
export function networkNamespace(): string {
  return Deno.readLinkSync("/proc/self/ns/net");
}
