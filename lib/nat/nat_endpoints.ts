import type { NewSession, SessionTable } from "../session/session_table.ts";
import { PortPool } from "../session/port_pool.ts";
import { isMapped } from "../wire/address.ts";
import { PROTOCOL_TCP } from "../wire/protocol.ts";
import type { DatapathConfig } from "./datapath_config.ts";
import { internEndpoint } from "./service_table.ts";

/**
 * The SNAT addresses and their free ports. A port is taken for one server endpoint and protocol at
 * a time and may serve others meanwhile (RFC 7857, 3), so the capacity is addresses x ports x
 * server endpoints.
 */
export class NatEndpoints {
  readonly #table: SessionTable;
  /** Dictionary entries of the addresses that new sessions may get, by family. */
  #addresses4 = new Int32Array(0);
  #addresses6 = new Int32Array(0);
  #portFirst = 0;
  #portLast = 0;
  /** By dictionary entry: 1 for each that is configured. */
  #configured = new Uint8Array(65536);
  /** By dictionary entry: 1 for each that sessions have which are still to be reserved. */
  #expected: Uint8Array | null = null;
  /** By dictionary entry: how many sessions have an endpoint at it. */
  readonly #sessions = new Int32Array(65536);
  /** By address and server in one number. */
  readonly #tcp = new Map<number, PortPool>();
  readonly #withheld: Int32Array | undefined;
  readonly #other = new Map<number, PortPool>();

  /** @param withheld ports that new sessions do not get, as of PortPool; default: none */
  constructor(config: DatapathConfig, table: SessionTable, withheld?: Int32Array) {
    this.#table = table;
    this.#withheld = withheld;
    this.configure(config);
  }

  /**
   * Gives out other addresses and ports from now on. What sessions have stays theirs.
   * @throws {RangeError} when the dictionary is full; nothing has changed then
   */
  configure(config: DatapathConfig): void {
    const configured = new Uint8Array(65536);
    const intern = (words: readonly number[]) => {
      const entry = internEndpoint(this.#table, Int32Array.from(words), 0);
      configured[entry] = 1;
      return entry;
    };
    const isIpv4 = ([w0, w1, w2]: readonly number[]) => isMapped(w0!, w1!, w2!);
    const addresses4 = Int32Array.from(config.snat.filter(isIpv4), intern);
    const addresses6 = Int32Array.from(config.snat.filter((words) => !isIpv4(words)), intern);
    this.#addresses4 = addresses4;
    this.#addresses6 = addresses6;
    this.#configured = configured;
    this.#portFirst = config.portFirst;
    this.#portLast = config.portLast;
  }

  /** Is this dictionary entry a SNAT address, now or for a session that still lives? */
  isNatAddress(entry: number): boolean {
    return this.#configured[entry] === 1 || this.#sessions[entry]! > 0 ||
      (this.#expected !== null && this.#expected[entry] === 1);
  }

  /**
   * Chooses a NAT endpoint of the client's family and writes it into `session`. One client keeps
   * one address as long as it has free ports ("paired" pooling, RFC 4787, REQ-2).
   * @returns false when every endpoint towards this server is taken, or none is of the family
   */
  take(
    session: NewSession,
    client: Int32Array,
    server: number,
    protocol: number,
    random: number,
  ): boolean {
    const addresses = isMapped(client[0]!, client[1]!, client[2]!)
      ? this.#addresses4
      : this.#addresses6;
    const count = addresses.length;
    let hash = Math.imul(client[0]! ^ client[1]! ^ client[2]! ^ client[3]!, 0x9e3779b1);
    hash ^= hash >>> 16;
    const start = (hash >>> 0) % count;
    for (let i = 0; i < count; i++) {
      const address = addresses[(start + i) % count]!;
      const port = this.#pool(address, server, protocol).take(random);
      if (port !== 0) {
        session.natAddress = address;
        session.natPort = port;
        this.#sessions[address]!++;
        return true;
      }
    }
    return false;
  }

  /** Knows addresses (1 by dictionary entry) of sessions that are reserved later on; null: all are by now. */
  expect(natAddresses: Uint8Array | null): void {
    this.#expected = natAddresses;
  }

  /** Marks an endpoint that a session of the table holds. */
  reserve(address: number, port: number, server: number, protocol: number): void {
    if (this.#pool(address, server, protocol).reserve(port)) this.#sessions[address]!++;
  }

  release(address: number, port: number, server: number, protocol: number): void {
    if (this.#pool(address, server, protocol).release(port)) this.#sessions[address]!--;
  }

  #pool(address: number, server: number, protocol: number): PortPool {
    const pools = protocol === PROTOCOL_TCP ? this.#tcp : this.#other;
    // 32 bits: a number that is no object.
    const key = (address << 16) | server;
    let pool = pools.get(key);
    if (pool === undefined) {
      pool = new PortPool(this.#portFirst, this.#portLast, this.#withheld);
      pools.set(key, pool);
    }
    pool.limit(this.#portFirst, this.#portLast);
    return pool;
  }
}
