import { KeyedHash } from "./hash.ts";

const WAYS = 8;
/** How many ways of a set clients may take up in the end that have not shown that they exist. */
const UNPROVEN_WAYS = 2;
const WORDS = 4;
/** Words of the client, service, server, sessions, and the time. */
const ENTRY_BYTES = WORDS * 4 + 3 * 4 + 8;
const PROVEN = 1 << 16;

/** How much of a client's address counts: prefix lengths. */
export interface ClientPrefix {
  readonly ipv4: number;
  readonly ipv6: number;
}

/**
 * Which server each client belongs to. A fixed amount of memory in sets of eight entries; in a full set the entry goes
 * that has been of no use for longest. A client that has not completed a handshake may be an invention: such entries push
 * out each other before any that is proven, so that a flood of SYNs makes nobody lose their server.
 *
 * An entry lives as long as a session of it, and for a time after the last one. One thread writes; others may look.
 */
export class AffinityTable {
  readonly #sets: number;
  readonly #hash: KeyedHash;
  readonly #clients: Int32Array;
  /** 0: the entry is free. */
  readonly #services: Int32Array;
  readonly #servers: Int32Array;
  readonly #sessions: Int32Array;
  /** When it was last of use, ms. */
  readonly #used: Float64Array;
  readonly #client = new Int32Array(WORDS);

  /**
   * @param buffer zeros, or what another table of the same key left
   * @param key two random words: senders choose their addresses
   */
  constructor(buffer: ArrayBufferLike, key: readonly [number, number]) {
    const entries = Math.floor(buffer.byteLength / ENTRY_BYTES / WAYS) * WAYS;
    this.#sets = entries / WAYS;
    this.#hash = new KeyedHash(key[0], key[1]);
    this.#used = new Float64Array(buffer, 0, entries);
    const column = (at: number, words: number) =>
      new Int32Array(buffer, entries * at, entries * words);
    this.#clients = column(8, WORDS);
    this.#services = column(24, 1);
    this.#servers = column(28, 1);
    this.#sessions = column(32, 1);
  }

  static bytes(clients: number): number {
    return Math.ceil(clients / WAYS) * WAYS * ENTRY_BYTES;
  }

  /**
   * The server that a client (4 words at an offset) belongs to, or 0.
   * @param service any number but 0
   * @param timeoutMs how long an entry outlives its last session
   */
  find(
    service: number,
    words: Int32Array,
    offset: number,
    prefix: ClientPrefix,
    nowMs: number,
    timeoutMs: number,
  ): number {
    this.#mask(words, offset, prefix);
    const entry = this.#entry(service);
    if (entry < 0) return 0;
    const isOver = this.#sessions[entry] === 0 && nowMs - this.#used[entry]! >= timeoutMs;
    return isOver ? 0 : this.#servers[entry]! & 0xffff;
  }

  /** A session of the client with this server has begun. */
  opened(
    service: number,
    words: Int32Array,
    offset: number,
    prefix: ClientPrefix,
    server: number,
    nowMs: number,
  ): void {
    this.#mask(words, offset, prefix);
    let entry = this.#entry(service);
    if (entry < 0) entry = this.#take(service, false);
    if ((this.#servers[entry]! & 0xffff) !== server) {
      this.#servers[entry] = (this.#servers[entry]! & PROVEN) | server;
      this.#sessions[entry] = 0;
    }
    this.#sessions[entry]!++;
    if (nowMs > this.#used[entry]!) this.#used[entry] = nowMs;
  }

  /** The client has answered: it exists. */
  proven(
    service: number,
    words: Int32Array,
    offset: number,
    prefix: ClientPrefix,
    server: number,
    nowMs: number,
  ): void {
    this.#mask(words, offset, prefix);
    let entry = this.#entry(service);
    if (entry < 0) {
      // It was pushed out in between.
      entry = this.#take(service, true);
      this.#servers[entry] = server;
      this.#sessions[entry] = 1;
      this.#used[entry] = nowMs;
    }
    this.#servers[entry]! |= PROVEN;
  }

  /** A session of the client with this server is over. */
  closed(
    service: number,
    words: Int32Array,
    offset: number,
    prefix: ClientPrefix,
    server: number,
    lastUsedMs: number,
  ): void {
    this.#mask(words, offset, prefix);
    const entry = this.#entry(service);
    if (entry < 0 || (this.#servers[entry]! & 0xffff) !== server) return;
    if (this.#sessions[entry]! > 0) this.#sessions[entry]!--;
    if (lastUsedMs > this.#used[entry]!) this.#used[entry] = lastUsedMs;
  }

  /** Before the sessions of services are counted anew: one look at the table for all of them. */
  forgetSessions(services: ReadonlySet<number>): void {
    for (let entry = 0; entry < this.#services.length; entry++) {
      const service = this.#services[entry]!;
      if (service !== 0 && services.has(service)) this.#sessions[entry] = 0;
    }
  }

  #entry(service: number): number {
    const client = this.#client, clients = this.#clients;
    const first = this.#set(service);
    for (let entry = first; entry < first + WAYS; entry++) {
      const at = entry * WORDS;
      if (
        this.#services[entry] === service && clients[at + 3] === client[3] &&
        clients[at + 2] === client[2] && clients[at + 1] === client[1] &&
        clients[at] === client[0]
      ) return entry;
    }
    return -1;
  }

  /** Makes an entry of the client: a free one, or one that others lose. */
  #take(service: number, proven: boolean): number {
    const first = this.#set(service);
    let unproven = 0, oldest = first, oldestUnproven = -1, free = -1;
    for (let entry = first; entry < first + WAYS; entry++) {
      if (this.#services[entry] === 0) free = entry;
      else if (this.#isEarlier(entry, oldest)) oldest = entry;
      if (this.#services[entry] === 0 || (this.#servers[entry]! & PROVEN) !== 0) continue;
      unproven++;
      if (oldestUnproven < 0 || this.#isEarlier(entry, oldestUnproven)) oldestUnproven = entry;
    }
    const among = unproven >= UNPROVEN_WAYS || (proven && unproven > 0) ? oldestUnproven : oldest;
    const entry = free >= 0 ? free : among;
    this.#clients.set(this.#client, entry * WORDS);
    this.#services[entry] = service;
    this.#servers[entry] = 0;
    this.#sessions[entry] = 0;
    this.#used[entry] = -1;
    return entry;
  }

  /** Which one may go rather: one without sessions, then the one not used for longer. */
  #isEarlier(a: number, b: number): boolean {
    const aLives = this.#sessions[a]! > 0, bLives = this.#sessions[b]! > 0;
    return aLives === bLives ? this.#used[a]! < this.#used[b]! : bLives;
  }

  #set(service: number): number {
    const hash = this.#hash, client = this.#client;
    hash.start();
    for (let i = 0; i < WORDS; i++) hash.add(client[i]!);
    hash.add(service);
    return (hash.finish() >>> 0) % this.#sets * WAYS;
  }

  #mask(words: Int32Array, offset: number, { ipv4, ipv6 }: ClientPrefix): void {
    const client = this.#client;
    const isIpv4 = words[offset] === 0 && words[offset + 1] === 0 && words[offset + 2] === 0xffff;
    let bits = isIpv4 ? 96 + ipv4 : ipv6;
    for (let i = 0; i < WORDS; i++, bits -= 32) {
      client[i] = bits >= 32
        ? words[offset + i]!
        : bits <= 0
        ? 0
        : words[offset + i]! & -1 << 32 - bits;
    }
  }
}
