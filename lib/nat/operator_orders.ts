import { INSTRUCTION, U8 } from "../session/layout.ts";
import { REASON } from "../session/path_reason.ts";
import { usedSlots } from "../session/session_view.ts";
import type { BookEvent, InstructionBook } from "./instruction_book.ts";
import { type BypassTarget, namesServer, type OperatorState } from "./operator_state.ts";
import type { SessionNotes } from "./session_notes.ts";

type Ended = BookEvent & { readonly kind: "ended" };

/** What carrying out an order needs. */
export interface OrderTools {
  readonly notes: SessionNotes;
  readonly operator: OperatorState;
  readonly book: InstructionBook;
  readonly now: () => number;
  /** Stops the session's instruction; it stays via NAT. */
  stop(slot: number): void;
  /** The criteria decide again. */
  rearm(slot: number): void;
}

/** `nat bypass stop` and `start`: carries out what an operator says about sessions that live. */
export class OperatorOrders {
  readonly #tools: OrderTools;
  readonly #waiters = new Set<(event: Ended) => void>();

  constructor(tools: OrderTools) {
    this.#tools = tools;
  }

  /**
   * Stops the bypass of sessions that the target names, now and for as long as the operator says.
   * @returns once each concerned agent has acknowledged: how many sessions; `unacknowledged` names
   *   the agents that have not done so within `timeoutMs`
   */
  async stop(
    target: BypassTarget,
    timeoutMs: number,
  ): Promise<{ stopped: number; unacknowledged: string[] }> {
    const { notes, operator, book, now, stop } = this.#tools;
    operator.stop(target);
    const open = new Map<string, string>();
    for (const view of book.instructions(now())) {
      if (!this.#concerns(view.tag, target)) continue;
      open.set(`${view.session} ${view.generation}`, view.agent || "an agent not connected yet");
      stop(view.tag);
    }
    for (const slot of usedSlots(notes.records)) {
      const idle = notes.records.getU8(slot, U8.instruction) === INSTRUCTION.none;
      if (idle && !notes.over(slot) && this.#concerns(slot, target)) {
        notes.reason(slot, REASON.operator, 0);
      }
    }
    const concerned = open.size;
    const missed: string[] = [];
    await this.#allEnded(open, missed, timeoutMs);
    return { stopped: concerned, unacknowledged: [...new Set([...open.values(), ...missed])] };
  }

  /**
   * Takes an operator's stop back: the criteria decide again.
   * @returns for how many sessions; `held`: how many another stop keeps via NAT
   */
  start(target: BypassTarget): { sessions: number; held: number } {
    const { notes, operator, rearm } = this.#tools;
    operator.start(target);
    const count = { sessions: 0, held: 0 };
    for (const slot of usedSlots(notes.records)) {
      if (notes.over(slot) || !this.#concerns(slot, target)) continue;
      const service = notes.service(slot)?.name ?? "";
      if (operator.stops(notes.session(slot), service, notes.server(slot))) {
        count.held++;
        continue;
      }
      if (notes.records.getU8(slot, U8.reason) === REASON.operator) count.sessions++;
      rearm(slot);
    }
    return count;
  }

  /** The book: an instruction has ended. */
  ended(event: Ended): void {
    for (const waiter of this.#waiters) waiter(event);
  }

  #allEnded(open: Map<string, string>, missed: string[], timeoutMs: number): Promise<void> {
    if (open.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve();
      };
      const timer = setTimeout(finish, timeoutMs);
      const waiter = (event: Ended) => {
        const key = `${event.session} ${event.generation}`;
        // A lease that ran out is safe, but nobody has acknowledged.
        if (event.cause === "lapsed" && open.has(key)) missed.push(open.get(key)!);
        open.delete(key);
        if (open.size === 0) finish();
      };
      this.#waiters.add(waiter);
    });
  }

  #concerns(slot: number, target: BypassTarget): boolean {
    const { notes } = this.#tools;
    if (target.all) return true;
    if (target.session !== undefined) return notes.session(slot) === target.session;
    if (target.server !== undefined) return namesServer(target.server, notes.server(slot));
    return notes.service(slot)?.name === target.service;
  }
}
