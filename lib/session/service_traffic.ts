import { DICTIONARY_ENTRIES } from "./layout.ts";
import { PROTOCOL_UDP } from "../wire/protocol.ts";

/** What is counted of a service, as places in its row. */
export const TRAFFIC = {
  // One line of the cache: what every packet changes.
  packetsFromClient: 0,
  bytesFromClient: 1,
  packetsViaNat: 2,
  bytesViaNat: 3,
  /** Sessions that live: neither closed nor in quarantine. Goes up and down. */
  sessions: 4,
  opened: 5,
  /** Closed, by reason: so many places from here on. */
  closed: 8,
} as const;
const CLOSE_REASONS = 8;
const ROW = TRAFFIC.closed + CLOSE_REASONS;
/** The fields of a row that a reader may ask for. */
export type TrafficField = Exclude<keyof typeof TRAFFIC, "closed">;

/** Where a service's row is; a service is a VIP (a dictionary entry of the session table) and a protocol. */
export function trafficKey(vip: number, protocol: number): number {
  return vip * 2 + (protocol === PROTOCOL_UDP ? 1 : 0);
}

/**
 * What passed by service, counted by the one packet worker that writes it, so that nobody has to go
 * through the sessions for a sum. The rows lie in shared memory by the dictionary's numbers, which a
 * reload does not change; memory is touched only where there is a service.
 */
export class ServiceTraffic {
  static readonly BYTES = DICTIONARY_ENTRIES * 2 * ROW * 8;
  readonly #rows: Float64Array;

  /** @param buffer {@linkcode ServiceTraffic.BYTES} zeros; or another's, to read; absent: nothing is counted */
  constructor(buffer: ArrayBufferLike = new ArrayBuffer(0)) {
    this.#rows = new Float64Array(buffer);
  }

  fromClient(key: number, packets: number, bytes: number): void {
    const at = key * ROW;
    this.#rows[at] = this.#rows[at]! + packets;
    this.#rows[at + TRAFFIC.bytesFromClient] = this.#rows[at + TRAFFIC.bytesFromClient]! + bytes;
  }

  viaNat(key: number, packets: number, bytes: number): void {
    const at = key * ROW;
    this.#rows[at + TRAFFIC.packetsViaNat] = this.#rows[at + TRAFFIC.packetsViaNat]! + packets;
    this.#rows[at + TRAFFIC.bytesViaNat] = this.#rows[at + TRAFFIC.bytesViaNat]! + bytes;
  }

  opened(key: number): void {
    this.#add(key, TRAFFIC.opened, 1);
    this.#add(key, TRAFFIC.sessions, 1);
  }

  /** A session that an earlier process opened goes on. */
  adopted(key: number): void {
    this.#add(key, TRAFFIC.sessions, 1);
  }

  closed(key: number, reason: number): void {
    this.#add(key, TRAFFIC.closed + reason, 1);
    this.#add(key, TRAFFIC.sessions, -1);
  }

  get(key: number, field: TrafficField): number {
    return this.#rows[key * ROW + TRAFFIC[field]]!;
  }

  closedBy(key: number, reason: number): number {
    return this.#rows[key * ROW + TRAFFIC.closed + reason]!;
  }

  #add(key: number, field: number, count: number): void {
    const at = key * ROW + field;
    this.#rows[at] = this.#rows[at]! + count;
  }
}

/** What several workers counted, as if it had been one. */
export function sumTraffic(
  workers: readonly ServiceTraffic[],
): Pick<ServiceTraffic, "get" | "closedBy"> {
  const sum = (of: (worker: ServiceTraffic) => number) =>
    workers.reduce((total, worker) => total + of(worker), 0);
  return {
    get: (key, field) => sum((worker) => worker.get(key, field)),
    closedBy: (key, reason) => sum((worker) => worker.closedBy(key, reason)),
  };
}
