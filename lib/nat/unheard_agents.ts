import { F64, INSTRUCTION, U8 } from "../session/layout.ts";
import type { SessionRecords } from "../session/session_records.ts";

/** Packets from clients without a response via NAT that show a bypass going on: one may be a straggler. */
const TELLING_PACKETS = 2;

/** Whose the book says an instruction is that was restored, and that no agent has claimed. */
const UNCLAIMED = "";

export interface UnheardAgentsOptions {
  readonly records: SessionRecords;
  /** Every instruction that has not ended: its agent, and the slot of its session. */
  readonly instructions: () => Iterable<{ readonly agent: string; readonly tag: number }>;
}

/** What passed this machine of an agent's sessions with an instruction, in packets. */
interface Passed {
  viaNat: number;
  fromClient: number;
}

/**
 * Keeps the path of sessions true while nothing is heard from their agent. An agent that was killed
 * is past, and a frozen one is led past by its watchdog: responses come via NAT, though nobody can
 * say that the instructions are over. One that is only cut off from this machine bypasses on, until
 * its lease ends. What passes here of its sessions tells which it is.
 *
 * So it does for instructions that an earlier process of this machine sent, until an agent claims
 * them: the book knows no agent of theirs, and their agent may have ended with that process.
 */
export class UnheardAgents {
  readonly #options: UnheardAgentsOptions;
  readonly #passed = new Map<string, Passed>();

  constructor(options: UnheardAgentsOptions) {
    this.#options = options;
  }

  /** Instructions have been restored: they count as in force until something else shows. */
  restored(): void {
    const passed = this.#count([UNCLAIMED]).get(UNCLAIMED);
    if (passed !== undefined) this.#passed.set(UNCLAIMED, passed);
  }

  /** Nothing is heard from this agent: its sessions are via NAT until something else shows. */
  begin(agent: string): void {
    if (this.#passed.has(agent)) return;
    this.#passed.set(agent, this.#count([agent]).get(agent) ?? { viaNat: 0, fromClient: 0 });
    this.#show(agent, INSTRUCTION.installed, INSTRUCTION.unheard);
  }

  /** It is heard, or heard again: what it holds is in force, what it has claimed included. */
  end(agent: string): void {
    this.#passed.delete(agent);
    this.#show(agent, INSTRUCTION.unheard, INSTRUCTION.installed);
  }

  /** To be called every second. */
  tick(): void {
    if (this.#passed.size === 0) return;
    const counted = this.#count(this.#passed.keys());
    for (const [agent, before] of this.#passed) {
      const passed = counted.get(agent);
      // It gets no new ones before it is heard again, which may be never.
      if (passed === undefined) {
        this.#passed.delete(agent);
        continue;
      }
      this.#passed.set(agent, passed);
      if (passed.viaNat > before.viaNat) {
        this.#show(agent, INSTRUCTION.installed, INSTRUCTION.unheard);
      } else if (passed.fromClient >= before.fromClient + TELLING_PACKETS) {
        this.#show(agent, INSTRUCTION.unheard, INSTRUCTION.installed);
      }
    }
  }

  /** What passed of these agents' sessions; an agent without any is left out. */
  #count(agents: Iterable<string>): Map<string, Passed> {
    const { records, instructions } = this.#options;
    const wanted = new Set(agents);
    const counted = new Map<string, Passed>();
    for (const { agent, tag: slot } of instructions()) {
      if (!wanted.has(agent)) continue;
      const passed = counted.get(agent) ?? { viaNat: 0, fromClient: 0 };
      passed.viaNat += records.getF64(slot, F64.packetsViaNat);
      passed.fromClient += records.getF64(slot, F64.packetsFromClient);
      counted.set(agent, passed);
    }
    return counted;
  }

  #show(agent: string, before: number, after: number): void {
    const { records, instructions } = this.#options;
    for (const { agent: holder, tag: slot } of instructions()) {
      if (holder === agent && records.getU8(slot, U8.instruction) === before) {
        records.setU8(slot, U8.instruction, after);
      }
    }
  }
}
