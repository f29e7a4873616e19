import type { NewSession, SessionTable } from "../session/session_table.ts";
import { PortPool } from "../session/port_pool.ts";
import { isMapped } from "../wire/address.ts";
import type { DatapathConfig } from "./datapath_config.ts";
import { internEndpoint } from "./service_table.ts";

/**
 * The SNAT addresses and their free ports. A port is taken for one server endpoint and protocol at
 * a time and may serve others meanwhile (RFC 7857, 3), so the capacity is addresses x ports x
 * server endpoints.
 */
export class NatEndpoints {
  /** Dictionary entries of the addresses that new sessions may get, by family. */
  readonly #addresses4: Int32Array;
  readonly #addresses6: Int32Array;
  readonly #portFirst: number;
  readonly #portLast: number;
  readonly #is = new Uint8Array(65536);
  readonly #pools = new Map<number, PortPool>();

  constructor(config: DatapathConfig, table: SessionTable) {
    this.#portFirst = config.portFirst;
    this.#portLast = config.portLast;
    const intern = (words: readonly number[]) => {
      const entry = internEndpoint(table, Int32Array.from(words), 0);
      this.#is[entry] = 1;
      return entry;
    };
    const isIpv4 = ([w0, w1, w2]: readonly number[]) => isMapped(w0!, w1!, w2!);
    this.#addresses4 = Int32Array.from(config.snat.filter(isIpv4), intern);
    this.#addresses6 = Int32Array.from(config.snat.filter((words) => !isIpv4(words)), intern);
  }

  /** Is this dictionary entry a SNAT address, now or for a session that still lives? */
  isNatAddress(entry: number): boolean {
    return this.#is[entry] === 1;
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
        return true;
      }
    }
    return false;
  }

  /** Marks an endpoint that a session of the table holds. */
  reserve(address: number, port: number, server: number, protocol: number): void {
    this.#is[address] = 1;
    this.#pool(address, server, protocol).reserve(port);
  }

  release(address: number, port: number, server: number, protocol: number): void {
    this.#pool(address, server, protocol).release(port);
  }

  #pool(address: number, server: number, protocol: number): PortPool {
    const key = (address * 65536 + server) * 256 + protocol;
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      pool = new PortPool(this.#portFirst, this.#portLast);
      this.#pools.set(key, pool);
    }
    return pool;
  }
}
