import type { ServerConfig, ServiceConfig } from "../config/nat_config.ts";
import { Health, type HealthStatus } from "../policy/health.ts";
import { formatEndpoint } from "../wire/address.ts";

/** Checks one server of one service by TCP connect, again and again, until disposed of. */
class ServerCheck implements Disposable {
  readonly health: Health;
  /** A check with the same settings is the same check. */
  readonly settings: string;
  readonly #timer: ReturnType<typeof setInterval>;
  #running = false;

  constructor(
    server: ServerConfig,
    settings: NonNullable<ServiceConfig["health"]>,
    changed: () => void,
  ) {
    this.health = new Health(settings);
    this.settings = JSON.stringify(settings);
    const check = async () => {
      // A check that hangs longer than the interval is not joined by a second one.
      if (this.#running) return;
      this.#running = true;
      const good = await connects(server, settings.timeoutMs);
      this.#running = false;
      if (this.health.observe(good)) changed();
    };
    this.#timer = setInterval(check, settings.intervalMs);
    check();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** The health of every server that a configuration wants checked. */
export class HealthChecks implements Disposable {
  readonly #checks = new Map<string, ServerCheck>();

  /**
   * @param changed called with the service and the server whose health changed
   * @param before checks that go on where their settings are the same; the others end
   */
  constructor(
    services: readonly ServiceConfig[],
    changed: (service: string, server: string, status: HealthStatus) => void,
    before?: HealthChecks,
  ) {
    for (const { name, health, servers } of services) {
      if (health === undefined) continue;
      for (const server of servers) {
        const address = formatEndpoint(server.address);
        const key = `${name} ${address}`;
        const kept = before?.handOver(key, JSON.stringify(health));
        if (kept !== undefined) {
          this.#checks.set(key, kept);
          continue;
        }
        const check: ServerCheck = new ServerCheck(
          server,
          health,
          () => changed(name, address, check.health.status),
        );
        this.#checks.set(key, check);
      }
    }
    before?.[Symbol.dispose]();
  }

  /** A check that goes on elsewhere, if there is one with these settings. */
  handOver(key: string, settings: string): ServerCheck | undefined {
    const check = this.#checks.get(key);
    if (check?.settings !== settings) return undefined;
    this.#checks.delete(key);
    return check;
  }

  /** `unknown` also for servers that nobody checks. */
  status(service: string, server: string): HealthStatus {
    return this.#checks.get(`${service} ${server}`)?.health.status ?? "unknown";
  }

  /** May the server get new sessions? */
  able(service: string, server: string): boolean {
    return this.#checks.get(`${service} ${server}`)?.health.able ?? true;
  }

  [Symbol.dispose](): void {
    for (const check of this.#checks.values()) check[Symbol.dispose]();
  }
}

async function connects({ address }: ServerConfig, timeoutMs: number): Promise<boolean> {
  try {
    const connection = await Deno.connect({
      hostname: String(address.address),
      port: address.port,
      signal: AbortSignal.timeout(timeoutMs),
    });
    connection.close();
    return true;
  } catch {
    return false;
  }
}
