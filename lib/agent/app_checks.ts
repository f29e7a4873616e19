import { CheckSchedule } from "../control/check_schedule.ts";
import { asReason, type CheckEntry, type HealthResults } from "../control/messages.ts";
import { probeTcp } from "../control/probe.ts";
import { type Endpoint, parseEndpoint } from "../wire/address.ts";

interface AppTarget {
  readonly key: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly server: Endpoint;
}

/**
 * What one NAT machine asks an agent to check: the server's own applications, from the server itself. Nothing else is
 * connected to, whoever asks: an agent is no means to look into the servers' network.
 */
export class AppChecks implements Disposable {
  readonly #addresses: ReadonlySet<string>;
  readonly #schedule: CheckSchedule<AppTarget>;

  /** @param addresses of the agent's certificate: the servers that it speaks for */
  constructor(addresses: readonly string[], send: (message: HealthResults) => void) {
    this.#addresses = new Set(addresses);
    this.#schedule = new CheckSchedule({
      probe: ({ server, timeoutMs }) => probeTcp(server, timeoutMs),
      result: ({ key: server }, { good, detail }) =>
        send({ type: "health", entries: [{ server, good, detail: asReason(detail) }] }),
    });
  }

  /** What is to be checked from now on, all of it. */
  ask(entries: readonly CheckEntry[]): void {
    this.#schedule.configure(entries.flatMap(({ server: key, intervalMs, timeoutMs }) => {
      const server = parseEndpoint(key);
      if (!this.#addresses.has(String(server.address))) return [];
      return [{ key, intervalMs, timeoutMs, server }];
    }));
  }

  [Symbol.dispose](): void {
    this.#schedule[Symbol.dispose]();
  }
}
