/**
 * Free ports of one NAT address towards one server endpoint: a bitmap of 65,536 bits with two
 * levels of summary above it, so that the next free port after a random start is found in a few
 * steps however full the pool is (RFC 6056, 3.3.1 asks for a random start; RFC 7857, 3 allows the
 * same port towards different endpoints).
 */
export class PortPool {
  #first: number;
  #last: number;
  /** 1 = taken; ports outside the range may be, by sessions from when it was another. */
  readonly #bits = new Int32Array(2048);
  /** 1 = all 32 words below are full. */
  readonly #full = new Int32Array(64);
  #free: number;

  /**
   * Gives out ports `first` to `last`, both included.
   * @param withheld a bit for each port, 1 for those that it never gives out; default: none
   */
  constructor(first: number, last: number, withheld?: Int32Array) {
    checkRange(first, last);
    this.#first = first;
    this.#last = last;
    this.#free = last - first + 1;
    if (withheld === undefined) return;
    this.#bits.set(withheld);
    this.#free = this.#countFree();
  }

  get free(): number {
    return this.#free;
  }

  get size(): number {
    return this.#last - this.#first + 1;
  }

  /** Gives out the ports of another range from now on; what is taken stays taken. */
  limit(first: number, last: number): void {
    if (first === this.#first && last === this.#last) return;
    checkRange(first, last);
    this.#first = first;
    this.#last = last;
    this.#free = this.#countFree();
  }

  #countFree(): number {
    const first = this.#first, last = this.#last;
    let count = 0;
    for (let word = first >>> 5; word <= last >>> 5; word++) {
      let free = ~this.#bits[word]!;
      if (word === first >>> 5) free &= -1 << (first & 31);
      if (word === last >>> 5) free &= -1 >>> (31 - (last & 31));
      count += countBits(free);
    }
    return count;
  }

  /** Takes the first free port at or after a random place; 0 when there is none. */
  take(random: number): number {
    if (this.#free === 0) return 0;
    const size = this.#last - this.#first + 1;
    const start = this.#first + Math.floor(random * size);
    let port = this.#nextFree(start);
    if (port < 0 || port > this.#last) port = this.#nextFree(this.#first);
    this.#set(port);
    this.#free--;
    return port;
  }

  /** Marks a port as taken, of the range or not; false when it was. */
  reserve(port: number): boolean {
    if ((this.#bits[port >>> 5]! & (1 << (port & 31))) !== 0) return false;
    this.#set(port);
    if (port >= this.#first && port <= this.#last) this.#free--;
    return true;
  }

  /** False when it was free. */
  release(port: number): boolean {
    const word = port >>> 5;
    const bit = 1 << (port & 31);
    if ((this.#bits[word]! & bit) === 0) return false;
    this.#bits[word] = this.#bits[word]! & ~bit;
    this.#full[word >>> 5] = this.#full[word >>> 5]! & ~(1 << (word & 31));
    if (port >= this.#first && port <= this.#last) this.#free++;
    return true;
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

/** The ports that belong to other packet workers: see `Steering.ofPort`. */
export function portsOfOthers(worker: number, workers: number): Int32Array {
  const bits = new Int32Array(2048);
  for (let port = 0; port < 65536; port++) {
    if (port % workers !== worker) bits[port >>> 5]! |= 1 << (port & 31);
  }
  return bits;
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

function countBits(word: number): number {
  word -= (word >>> 1) & 0x55555555;
  word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
  return Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

function checkRange(first: number, last: number): void {
  if (first >= 1 && first <= last && last <= 65535) return;
  throw new RangeError(`Cannot make a port pool of ${first}-${last}: not a range of ports`);
}
