/**
 * Free ports of one NAT address towards one server endpoint: a bitmap of 65,536 bits with two
 * levels of summary above it, so that the next free port after a random start is found in a few
 * steps however full the pool is (RFC 6056, 3.3.1 asks for a random start; RFC 7857, 3 allows the
 * same port towards different endpoints).
 */
export class PortPool {
  readonly #first: number;
  readonly #last: number;
  /** 1 = taken. */
  readonly #bits = new Int32Array(2048);
  /** 1 = all 32 words below are full. */
  readonly #full = new Int32Array(64);
  #free: number;

  /** Ports `first` to `last`, both included. */
  constructor(first: number, last: number) {
    if (!(first >= 1 && first <= last && last <= 65535)) {
      throw new RangeError(`Cannot make a port pool of ${first}-${last}: not a range of ports`);
    }
    this.#first = first;
    this.#last = last;
    this.#free = last - first + 1;
    for (let port = 0; port < first; port++) this.#set(port);
    for (let port = last + 1; port < 65536; port++) this.#set(port);
  }

  get free(): number {
    return this.#free;
  }

  get size(): number {
    return this.#last - this.#first + 1;
  }

  has(port: number): boolean {
    return port >= this.#first && port <= this.#last &&
      (this.#bits[port >>> 5]! & (1 << (port & 31))) === 0;
  }

  /** Takes the first free port at or after a random place; 0 when there is none. */
  take(random: number): number {
    if (this.#free === 0) return 0;
    const size = this.#last - this.#first + 1;
    const start = this.#first + Math.floor(random * size);
    let port = this.#nextFree(start);
    if (port < 0) port = this.#nextFree(this.#first);
    this.#set(port);
    this.#free--;
    return port;
  }

  /** Marks a port as taken; false when it was, or when it is outside the range. */
  reserve(port: number): boolean {
    if (!this.has(port)) return false;
    this.#set(port);
    this.#free--;
    return true;
  }

  release(port: number): void {
    if (port < this.#first || port > this.#last) return;
    const word = port >>> 5;
    const bit = 1 << (port & 31);
    if ((this.#bits[word]! & bit) === 0) return;
    this.#bits[word] = this.#bits[word]! & ~bit;
    this.#full[word >>> 5] = this.#full[word >>> 5]! & ~(1 << (word & 31));
    this.#free++;
  }

  #set(port: number): void {
    const word = port >>> 5;
    this.#bits[word] = this.#bits[word]! | (1 << (port & 31));
    if (this.#bits[word] === -1) {
      this.#full[word >>> 5] = this.#full[word >>> 5]! | (1 << (word & 31));
    }
  }

  /** The first free port at or after `from`, or -1. */
  #nextFree(from: number): number {
    let word = from >>> 5;
    // Ports below `from` in its own word do not count.
    let free = ~this.#bits[word]! & (-1 << (from & 31));
    if (free !== 0) return (word << 5) + lowestBit(free);
    word++;
    while (word < 2048) {
      const group = word >>> 5;
      const open = ~this.#full[group]! & (-1 << (word & 31));
      if (open !== 0) {
        word = (group << 5) + lowestBit(open);
        free = ~this.#bits[word]!;
        return (word << 5) + lowestBit(free);
      }
      word = (group + 1) << 5;
    }
    return -1;
  }
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
