import type { Endpoint } from "../wire/address.ts";
import { formatEndpoint, IpAddress, parseEndpoint } from "../wire/address.ts";

/** What an operator asked for, and what stays so until it is taken back. */
export interface OperatorOrders {
  readonly all: boolean;
  readonly services: readonly string[];
  /** `address` or `address:port`. */
  readonly servers: readonly string[];
  readonly sessions: readonly string[];
  readonly draining: readonly string[];
}

/** What `nat bypass stop` and `start` are about; exactly one key is set. */
export interface BypassTarget {
  readonly all?: boolean;
  readonly service?: string;
  readonly server?: string;
  readonly session?: string;
}

/**
 * The operator's standing orders: what must not bypass, and which servers are draining. Kept in a
 * file beside the session table, so that a restart does not forget them.
 */
export class OperatorState {
  readonly #path: string;
  #all = false;
  readonly #services = new Set<string>();
  readonly #servers = new Set<string>();
  readonly #sessions = new Set<string>();
  readonly #draining = new Set<string>();

  constructor(path: string) {
    this.#path = path;
    try {
      this.#restore(JSON.parse(Deno.readTextFileSync(path)) as Partial<OperatorOrders>);
    } catch (error) {
      // A file that cannot be read back is worth less than a machine that starts.
      if (!(error instanceof Deno.errors.NotFound)) this.damaged = String(error);
    }
  }

  /** Why the file could not be read, or null. */
  readonly damaged: string | null = null;

  /** Must this session stay via NAT? */
  stops(session: string, service: string, server: string): boolean {
    return this.#all || this.#services.has(service) || this.#sessions.has(session) ||
      this.#names(this.#servers, server);
  }

  /** The order by which this session must stay via NAT; null: there is none. */
  stoppedBy(session: string, service: string, server: string): string | null {
    const order = this.#all
      ? "--all"
      : this.#services.has(service)
      ? `--service ${service}`
      : this.#names(this.#servers, server)
      ? `--server ${this.#servers.has(server) ? server : hostOf(server)}`
      : this.#sessions.has(session)
      ? `--session ${session}`
      : null;
    return order === null ? null : `nat bypass stop ${order}`;
  }

  /** Does this server (`address:port`) take no new sessions? */
  drains(server: string): boolean {
    return this.#names(this.#draining, server);
  }

  /** Everything that is ordered now. */
  get orders(): OperatorOrders {
    return {
      all: this.#all,
      services: [...this.#services],
      servers: [...this.#servers],
      sessions: [...this.#sessions],
      draining: [...this.#draining],
    };
  }

  stop(target: BypassTarget): void {
    if (target.all) this.#all = true;
    if (target.service !== undefined) this.#services.add(target.service);
    if (target.server !== undefined) this.#servers.add(target.server);
    if (target.session !== undefined) this.#sessions.add(target.session);
    this.#save();
  }

  /** Takes stops back; `all` takes back every one. */
  start(target: BypassTarget): void {
    if (target.all) {
      this.#all = false;
      this.#services.clear();
      this.#servers.clear();
      this.#sessions.clear();
    }
    if (target.service !== undefined) this.#services.delete(target.service);
    if (target.server !== undefined) this.#servers.delete(target.server);
    if (target.session !== undefined) this.#sessions.delete(target.session);
    this.#save();
  }

  /** Forgets a session that is over. */
  forget(session: string): void {
    if (this.#sessions.delete(session)) this.#save();
  }

  drain(server: string): void {
    this.#draining.add(server);
    this.#save();
  }

  undrain(server: string): boolean {
    const was = this.#draining.delete(server);
    this.#save();
    return was;
  }

  #names(set: ReadonlySet<string>, server: string): boolean {
    return set.size > 0 && (set.has(server) || set.has(hostOf(server)));
  }

  #restore(wishes: Partial<OperatorOrders>): void {
    this.#all = wishes.all === true;
    for (const name of wishes.services ?? []) this.#services.add(name);
    for (const name of wishes.servers ?? []) this.#servers.add(name);
    for (const name of wishes.sessions ?? []) this.#sessions.add(name);
    for (const name of wishes.draining ?? []) this.#draining.add(name);
  }

  #save(): void {
    Deno.writeTextFileSync(`${this.#path}.new`, JSON.stringify(this.orders), { mode: 0o600 });
    Deno.renameSync(`${this.#path}.new`, this.#path);
  }
}

/** The address of `address:port`. */
export function hostOf(server: string): string {
  return String(parseEndpoint(server).address);
}

/**
 * `address` or `address:port` in canonical form; an IPv6 address alone may stand in brackets.
 * @throws {SyntaxError}
 */
export function canonicalServer(text: string): string {
  let endpoint: Endpoint;
  try {
    return String(IpAddress.parse(text.replace(/^\[(.*:.*)\]$/, "$1")));
  } catch {
    endpoint = parseEndpoint(text);
  }
  return formatEndpoint(endpoint);
}

/** Does `address` or `address:port` name this server? */
export function namesServer(name: string, server: string): boolean {
  return name === server || name === hostOf(server);
}
