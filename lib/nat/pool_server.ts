import type { ServerConfig, ServiceConfig } from "../config/nat_config.ts";
import type { PassiveSigns } from "../policy/health_passive.ts";
import { ServerHealth, type ServerHealthSettings } from "../policy/health_server.ts";
import { type Endpoint, formatEndpoint } from "../wire/address.ts";
import type { ServerSigns } from "./server_signs.ts";

/** One server of one service, as the main thread keeps it across reloads. */
export class PoolServer {
  readonly service: string;
  /** `address:port`. */
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly health: ServerHealth;
  /** When its agent reported last, boot time. */
  reportedMs = -Infinity;
  /** Its entry in the session table's dictionary; 0: not known yet. */
  #entry = 0;
  #seen: PassiveSigns | null = null;
  /** Since the machine started, or since the server was added. */
  #counts = { answered: 0, refused: 0, silent: 0 };

  constructor(
    service: ServiceConfig,
    server: ServerConfig,
    { nowMs, added }: { nowMs: number; added: boolean },
  ) {
    this.service = service.name;
    this.name = formatEndpoint(server.address);
    this.endpoint = server.address;
    this.health = new ServerHealth(settingsOf(service), { nowMs, added });
  }

  configure(service: ServiceConfig): void {
    this.health.configure(settingsOf(service));
  }

  get counts(): PassiveSigns {
    return this.#counts;
  }

  /** What its packets have shown since the last call. */
  newSigns(signs: Pick<ServerSigns, "read">, entryOf: (name: string) => number): PassiveSigns {
    if (this.#entry === 0) this.#entry = entryOf(this.name);
    if (this.#entry === 0) return NO_SIGNS;
    const now = signs.read(this.#entry);
    const before = this.#seen;
    this.#seen = now;
    if (before === null) return NO_SIGNS;
    const news = {
      answered: (now.answered - before.answered) >>> 0,
      refused: (now.refused - before.refused) >>> 0,
      silent: (now.silent - before.silent) >>> 0,
    };
    this.#counts.answered += news.answered;
    this.#counts.refused += news.refused;
    this.#counts.silent += news.silent;
    return news;
  }
}

const NO_SIGNS: PassiveSigns = { answered: 0, refused: 0, silent: 0 };

function settingsOf({ health, slowStartMs }: ServiceConfig): ServerHealthSettings {
  const isChecked = health?.tcp || health?.http !== undefined || health?.agent;
  return {
    slowStartMs,
    ...(isChecked && { active: { rise: health.rise, fall: health.fall } }),
    ...(health?.passive && { passive: health.passive }),
  };
}
