import type { Log } from "../control/log.ts";
import { VERSION } from "../config/version.ts";
import { ControlClient } from "../control/agent_client.ts";
import { programText } from "../control/features.ts";
import type { EventLog } from "../control/event_log.ts";
import type {
  Ability,
  AgentMessage,
  Announcement,
  CaptureOrder,
  Probe,
  Welcome,
} from "../control/messages.ts";
import type { IdentityPem } from "../control/own_identity.ts";
import { bootTimeMs } from "../linux/clock.ts";
import { type Endpoint, formatEndpoint } from "../wire/address.ts";
import { AppChecks } from "./app_checks.ts";
import type { InstructionStore } from "./instruction_store.ts";

export interface NatLinksOptions {
  /** The NAT machines to dial. */
  readonly nat: readonly Endpoint[];
  readonly pem: IdentityPem;
  readonly events: EventLog;
  readonly able: () => Ability;
  /** Where instructions go. */
  readonly store: () => InstructionStore;
  /** A NAT machine has said, in its welcome or later, what may be translated. */
  readonly announced: (nat: string, announcement: Announcement, welcome?: Welcome) => void;
  /** A NAT machine wants to see whether direct packets come through. */
  readonly probe: (nat: string, probe: Probe) => void;
  /** A NAT machine wants to see packets, or has taken some. */
  readonly capture: (nat: string, order: CaptureOrder) => void;
  readonly lost: (nat: string) => void;
  readonly log: Log;
}

/** A NAT machine of the configuration, as `inspect status` shows it. */
export interface NatLinkView {
  readonly address: string;
  readonly connected: boolean;
  readonly name: string;
  /** Why it is not connected. */
  readonly reason: string | null;
}

interface NatLink {
  readonly client: ControlClient;
  name: string;
  reason: string | null;
}

/** The connections to all NAT machines of the configuration. */
export class NatLinks {
  readonly #options: NatLinksOptions;
  /** By the address that is dialled. */
  readonly #links = new Map<string, NatLink>();
  readonly #instance = crypto.randomUUID();

  constructor(options: NatLinksOptions) {
    this.#options = options;
    for (const endpoint of options.nat) this.#add(endpoint);
  }

  /** Begins to dial. */
  start(): void {
    for (const { client } of this.#links.values()) client.start();
  }

  /** Ends all connections with that reason. */
  stop(reason: string): void {
    for (const { client } of this.#links.values()) client.stop(reason);
  }

  /** At once; does nothing when that NAT machine is not connected. */
  send(nat: string, message: AgentMessage): void {
    this.#links.get(nat)?.client.send(message);
  }

  views(): readonly NatLinkView[] {
    return [...this.#links].map(([address, { client, name, reason }]) => ({
      address,
      connected: client.isConnected,
      name,
      reason,
    }));
  }

  #add(endpoint: Endpoint): void {
    const { pem, able, events, announced, log } = this.#options;
    const nat = formatEndpoint(endpoint);
    const checks = new AppChecks(
      pem.identity.addresses,
      (message) => link.client.send(message),
    );
    const client = new ControlClient({
      nat: endpoint,
      credentials: pem,
      program: programText(VERSION),
      instance: this.#instance,
      able,
      handlers: {
        connected: ({ name, welcome }) => {
          link.name = name;
          link.reason = null;
          announced(nat, welcome, welcome);
          this.#options.store().connected(nat, welcome, bootTimeMs());
          events.add("connected", { nat, name, services: welcome.services.length });
          const { reason } = able();
          log.info(`Connected to ${name} at ${nat}${reason ? `; unable: ${reason}` : ""}`, {
            nat,
            name,
            unable: reason,
          });
        },
        message: (message) => {
          if (message.type === "probe") return this.#options.probe(nat, message);
          if (message.type === "checks") return checks.ask(message.entries);
          if (
            message.type === "capture" || message.type === "captureTaken" ||
            message.type === "captureStop"
          ) return this.#options.capture(nat, message);
          if (message.type === "policy") announced(nat, message);
          this.#options.store().message(nat, message, bootTimeMs());
        },
        // Instructions live on for their lease.
        lost: (reason) => {
          link.reason = reason;
          checks.ask([]);
          this.#options.lost(nat);
          this.#options.store().lost(nat);
          events.add("disconnected", { nat, reason });
          log.warn(`Connection to ${nat} lost: ${reason}`, { nat, reason });
        },
        failed: (reason) => {
          link.reason = reason;
          events.add("connect-failed", { nat, reason });
          log.warn(`Cannot connect to ${nat}: ${reason}`, { nat, reason });
        },
      },
    });
    const link: NatLink = { client, name: "", reason: null };
    this.#links.set(nat, link);
  }
}
