import { bootTimeMs } from "../../linux/clock.ts";
import { SessionViewer } from "../../session/session_view.ts";
import type { SessionsAnswer } from "../answers.ts";
import { SessionRates } from "../session_rates.ts";
import { SessionReader } from "../session_reader.ts";
import type { RatedSession, ServerRates } from "./dashboard_state.ts";

/** What one look at the table gave. */
export interface TableLook {
  /** False at the first look, which knows no rates. */
  readonly isRated: boolean;
  readonly rates: ReadonlyMap<string, ServerRates>;
  readonly sessions: readonly RatedSession[];
}

/** A session table that stays mapped, looked at now and then. */
export class TableWatch implements Disposable {
  readonly #reader: SessionReader;
  readonly #rates: SessionRates;
  readonly #path: string;
  readonly #inode: number | null;

  /** @throws {AdminError} when the table cannot be read */
  constructor(answer: SessionsAnswer) {
    this.#path = answer.state;
    this.#reader = new SessionReader(answer);
    this.#inode = inodeOf(answer.state);
    this.#rates = new SessionRates(this.#reader.records);
  }

  /** Whether the NAT machine still writes this file, and not another one of its name. */
  get isCurrent(): boolean {
    return inodeOf(this.#path) === this.#inode;
  }

  /** @param most how many sessions are wanted */
  look(most: number): TableLook {
    const nowMs = bootTimeMs();
    const { passedMs, servers, busiest } = this.#rates.look(nowMs, most);
    const viewer = new SessionViewer(this.#reader.records);
    const perSecond = (bytes: number) => passedMs === 0 ? 0 : bytes * 1000 / passedMs;
    const rates = new Map([...servers].map(([entry, load]) => [viewer.endpointText(entry), {
      fromClient: perSecond(load.fromClient),
      viaNat: perSecond(load.viaNat),
      viaBypass: perSecond(load.viaBypass),
      bypassing: load.bypassing,
    }]));
    const sessions = busiest.flatMap(({ slot, rate }) =>
      [...this.#reader.at([slot], nowMs)].map((view) => ({ ...view, rate }))
    );
    return { isRated: passedMs > 0, rates, sessions };
  }

  [Symbol.dispose](): void {
    this.#reader[Symbol.dispose]();
  }
}

function inodeOf(path: string): number | null {
  try {
    return Deno.statSync(path).ino;
  } catch {
    return null;
  }
}
