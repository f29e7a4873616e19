import type { HealthConfig, ServiceConfig } from "../config/nat_config.ts";
import { CheckSchedule, type CheckTarget } from "../control/check_schedule.ts";
import { type ProbeResult, probeTcp } from "../control/probe.ts";
import { type Endpoint, formatEndpoint } from "../wire/address.ts";
import { probeHttp } from "./http_probe.ts";

interface ServerTarget extends CheckTarget {
  readonly server: Endpoint;
  readonly health: HealthConfig;
}

/** The checks that a NAT machine makes itself, of every server that a configuration wants checked by TCP or HTTP. */
export class HealthChecks implements Disposable {
  readonly #schedule: CheckSchedule<ServerTarget>;

  /** @param result told under `service server` */
  constructor(result: (key: string, result: ProbeResult) => void) {
    this.#schedule = new CheckSchedule({
      probe: probeServer,
      result: ({ key }, outcome) => result(key, outcome),
    });
  }

  /** Another configuration; servers that are checked as before do not notice. */
  configure(services: readonly ServiceConfig[]): void {
    this.#schedule.configure(services.flatMap(({ name, health, servers }) => {
      if (health === undefined || !(health.tcp || health.http)) return [];
      return servers.map(({ address }) => ({
        key: `${name} ${formatEndpoint(address)}`,
        intervalMs: health.intervalMs,
        server: address,
        health,
      }));
    }));
  }

  [Symbol.dispose](): void {
    this.#schedule[Symbol.dispose]();
  }
}

function probeServer({ server, health }: ServerTarget): Promise<ProbeResult> {
  return health.http === undefined
    ? probeTcp(server, health.timeoutMs)
    : probeHttp(server, health.http, health.timeoutMs);
}
