import type { NatConfig, ServiceConfig } from "../config/nat_config.ts";
import type { EventLog } from "../control/event_log.ts";
import type { TableEntry } from "../control/messages.ts";
import type { EndpointHold } from "./instruction_hold.ts";
import { type RebuiltSession, sessionsToRebuild } from "./instruction_rebuild.ts";
import type { NatWorkerMessage } from "./worker_protocol.ts";

/** Sessions in one message to the worker, which moves no packets while it takes them in. */
const SESSIONS_AT_ONCE = 256;

export interface TableRecoveryOptions {
  readonly hold: EndpointHold;
  readonly events: EventLog;
  readonly config: () => NatConfig;
  /** Packet workers; the sessions of a NAT port are one's: see Steering.ofPort. */
  readonly workers: number;
  /** Asks one of them; null: it has done so when this returns, and has nothing to say. */
  readonly ask: (message: NatWorkerMessage, worker: number) => Promise<unknown> | null;
  /** Tells all of them. */
  readonly tell: (message: NatWorkerMessage) => void;
  /** Other servers may take new sessions from now on. */
  readonly changed: () => void;
}

/**
 * What a NAT machine does about a table that was lost: has agents' sessions rebuilt, holds NAT
 * endpoints back, and stays silent, as long as it must.
 */
export class TableRecovery {
  readonly #options: TableRecoveryOptions;
  #silentUntilMs = 0;
  /** Services of TCP may have new sessions with all servers, and those of UDP too. */
  #tcpOpen = false;
  #open = false;

  constructor(options: TableRecoveryOptions) {
    this.#options = options;
  }

  /** Until when packets of unknown sessions go unanswered; boot time. */
  silentUntilMs(now: number): number {
    this.#silentUntilMs = this.#options.hold.silentUntilMs(this.#servers(), now);
    return this.#silentUntilMs;
  }

  /**
   * May this server get new sessions of this service? Datagrams of a session that is about to be
   * rebuilt look like the first of a new one, so a UDP service waits for all of its servers. It waits
   * besides until no datagram can come for a session that is known to nobody.
   */
  allows(service: ServiceConfig, server: string, now: number): boolean {
    if (this.#open) return true;
    const { hold } = this.#options;
    return service.protocol === "tcp" ? hold.allows(server, now) : hold.allowsDatagrams(now) &&
      service.servers.every(({ address }) => hold.allows(String(address.address), now));
  }

  /** An agent has connected, with what it held for other tables. */
  agentConnected(
    agent: { readonly name: string; readonly addresses: readonly string[] },
    offers: readonly TableEntry[],
    now: number,
  ): void {
    const { hold, events, config, changed } = this.#options;
    const { services, snat } = config();
    const { sessions, left } = sessionsToRebuild(offers, {
      services,
      snat,
      agentAddresses: agent.addresses,
    });
    const isTaken = this.#rebuild(sessions);
    if (offers.length > 0) {
      events.add("sessions-offered", { agent: agent.name, offered: offers.length, ...left });
    }
    if (this.#open) return;
    const heard = () => {
      hold.heardFrom(agent.addresses);
      this.#look(now);
      changed();
    };
    // Only when every worker knows them: else a packet of one would begin another session.
    if (isTaken === null) heard();
    else isTaken.then(heard, () => {}); // A worker that fails ends the process.
  }

  /** Has the workers take sessions in; null: there are none. */
  #rebuild(sessions: readonly RebuiltSession[]): Promise<void> | null {
    if (sessions.length === 0) return null;
    const { workers, ask } = this.#options;
    const answers: Promise<unknown>[] = [];
    const add = (answer: Promise<unknown> | null) => {
      if (answer !== null) answers.push(answer);
    };
    for (let worker = 0; worker < workers; worker++) {
      const own = sessions.filter(({ nat }) => nat.port % workers === worker);
      for (let at = 0; at < own.length; at += SESSIONS_AT_ONCE) {
        const some = own.slice(at, at + SESSIONS_AT_ONCE);
        add(ask({ kind: "rebuild", sessions: some }, worker));
      }
    }
    if (answers.length === 0) return null;
    return Promise.all(answers).then(async (foreign) => {
      const slots = (foreign as number[][]).flat();
      if (slots.length === 0) return;
      const all = Array.from({ length: workers }, (_, i) => ask({ kind: "foreign", slots }, i));
      await Promise.all(all);
    });
  }

  /** To be called a few times a second. */
  tick(now: number): void {
    if (this.#open) return;
    this.#look(now);
    const { hold, changed } = this.#options;
    const tcpOpen = this.#servers().every((address) => hold.allows(address, now));
    this.#open = tcpOpen && hold.allowsDatagrams(now);
    if (this.#open || tcpOpen !== this.#tcpOpen) changed();
    this.#tcpOpen = tcpOpen;
  }

  #look(now: number): void {
    const before = this.#silentUntilMs;
    const untilMs = this.silentUntilMs(now);
    if (untilMs !== before) this.#options.tell({ kind: "silence", untilMs });
  }

  #servers(): string[] {
    return this.#options.config().services.flatMap(({ servers }) =>
      servers.map(({ address }) => String(address.address))
    );
  }
}
