import type { NatConfig } from "../config/nat_config.ts";
import { VERSION } from "../config/version.ts";
import { AdminConversation, ConversationEnded } from "../control/admin_conversation.ts";
import { AdminError } from "../control/admin_protocol.ts";
import { DescriptorInbox } from "../linux/descriptor_passing.ts";
import { type FileLock, heldLock } from "../linux/file_lock.ts";
import { type NamespaceName, receivedName } from "../linux/namespace_name.ts";
import { takeServiceOver } from "../linux/systemd.ts";
import { LAYOUT_VERSION } from "../session/layout.ts";
import type { PassedSockets } from "./worker_sockets.ts";
import { networkNamespace, TAKEOVER, type TakeoverTerms } from "./relief.ts";

const PASSING_MS = 2_000;

/** What the process before has handed over. */
export interface Estate {
  /** Path of its session table. */
  readonly state: string;
  readonly lock: FileLock;
  readonly name: NamespaceName;
  /** Its packet sockets of each of these interfaces. */
  readonly sockets: PassedSockets;
}

/** Takes the place of a running NAT machine; the other end of {@linkcode Relief}. */
export class Takeover implements Disposable {
  readonly terms: TakeoverTerms;
  readonly #conversation: AdminConversation;

  private constructor(conversation: AdminConversation, terms: TakeoverTerms) {
    this.#conversation = conversation;
    this.terms = terms;
  }

  /**
   * Asks the NAT machine that answers at this socket.
   * @returns null when there is none
   * @throws {AdminError} when it does not hand over
   */
  static async offer(socket: string): Promise<Takeover | null> {
    const conversation = await AdminConversation.open(socket);
    if (conversation === null) return null;
    try {
      const terms = await conversation.ask({
        verb: "takeover",
        step: "offer",
        takeover: TAKEOVER,
        layout: LAYOUT_VERSION,
        program: `bypath ${VERSION}`,
        namespace: networkNamespace(),
        pid: Deno.pid,
      });
      return new Takeover(conversation, terms as TakeoverTerms);
    } catch (error) {
      conversation[Symbol.dispose]();
      throw error;
    }
  }

  /** From here on packets wait, until `commit` or the end of this process. */
  async freeze({ interfaces, state }: NatConfig): Promise<Estate> {
    using inbox = new DescriptorInbox(`${state}.takeover`);
    const passed = inbox.receive(PASSING_MS);
    passed.catch(() => {});
    await this.#conversation.ask({ verb: "takeover", step: "freeze", inbox: inbox.path });
    const { descriptors: [lock, name, ...sockets] } = await passed;
    if (lock === undefined || name === undefined) throw new AdminError("Nothing was handed over");
    return {
      state: this.terms.state,
      lock: heldLock(`${this.terms.state}.lock`, lock),
      name: receivedName(name),
      sockets: interfaces.map((it) => this.#socketsOf(it, sockets.map(({ number }) => number))),
    };
  }

  /** Those of an interface, by worker, of all that were passed. */
  #socketsOf(name: string, passed: readonly number[]): number[] {
    const { interfaces } = this.terms;
    const place = interfaces.indexOf(name);
    return passed.filter((_, n) => place >= 0 && n % interfaces.length === place);
  }

  /**
   * The other process does nothing any more.
   * @throws {AdminError} when it has gone on meanwhile
   */
  async commit(): Promise<void> {
    try {
      await this.#conversation.ask({ verb: "takeover", step: "commit" });
    } catch (error) {
      // It has ended: while it stands still it hangs up for no other reason.
      if (!(error instanceof ConversationEnded)) throw error;
    }
    takeServiceOver(this.terms.service);
  }

  /** The other process may end; before `commit` it goes on. */
  [Symbol.dispose](): void {
    this.#conversation[Symbol.dispose]();
  }
}
