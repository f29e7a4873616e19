import { bootTimeMs } from "../../linux/clock.ts";
import { busiest, type Contender } from "../../policy/busiest.ts";
import { SessionViewer } from "../../session/session_view.ts";
import type { SessionsAnswer } from "../answers.ts";
import { type MeterReading, SessionMeter } from "../session_meter.ts";
import { SessionReader } from "../session_reader.ts";
import type { RatedSession, ServerRates } from "./dashboard_state.ts";

/** What one look at the table gave. */
export interface SessionLook {
  /** False at the first look, which knows no rates. */
  readonly isRated: boolean;
  readonly rates: ReadonlyMap<string, ServerRates>;
  readonly sessions: readonly RatedSession[];
}

/** A session table that stays mapped, looked at now and then for all viewers. */
export class SessionWatch implements Disposable {
  readonly #reader: SessionReader;
  readonly #meter: SessionMeter;
  readonly #path: string;
  readonly #inode: number | null;
  #looks = 0;

  /** @throws {AdminError} when the table cannot be read */
  constructor(answer: SessionsAnswer) {
    this.#path = answer.state;
    this.#reader = new SessionReader(answer);
    this.#inode = inodeOf(answer.state);
    this.#meter = new SessionMeter(this.#reader.records);
  }

  /** Whether the NAT machine still writes this file, and not another one of its name. */
  get isCurrent(): boolean {
    return inodeOf(this.#path) === this.#inode;
  }

  /** @param most how many sessions are wanted, the busiest first */
  look(most: number): SessionLook {
    const nowMs = bootTimeMs();
    const reading = this.#meter.look(nowMs);
    this.#looks++;
    const sessions = busiest(this.#contenders(), most).flatMap(({ slot, rate }) =>
      [...this.#reader.at([slot], nowMs)].map((view) => ({ ...view, rate }))
    );
    return { isRated: this.#looks > 1, rates: this.#byServer(reading), sessions };
  }

  *#contenders(): Generator<Contender> {
    for (const slot of this.#meter.slots()) yield { slot, rate: this.#meter.rate(slot) };
  }

  /** A server may have several services. */
  #byServer({ servers }: MeterReading): Map<string, ServerRates> {
    const viewer = new SessionViewer(this.#reader.records);
    const rates = new Map<string, ServerRates>();
    for (const [key, flow] of servers) {
      const address = viewer.endpointText(key % 65536);
      const { fromClient = 0, viaNat = 0, viaBypass = 0 } = rates.get(address) ?? {};
      rates.set(address, {
        fromClient: fromClient + flow.fromClient,
        viaNat: viaNat + flow.viaNat,
        viaBypass: viaBypass + flow.viaBypass,
      });
    }
    return rates;
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
