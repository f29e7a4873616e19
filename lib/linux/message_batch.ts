import { EAGAIN, EINTR, MSG_DONTWAIT, MSG_TRUNC } from "./constants.ts";
import { lastErrno, openLibc } from "./libc.ts";
import { mapAnonymous, type Mapping } from "./memory.ts";
import { type SlotOptions, Slots } from "./slots.ts";
import { IOVEC, MMSGHDR, SOCKADDR_LL } from "./structs.ts";

export { SendQueue } from "./send_queue.ts";

/**
 * How many bytes of packets one call aims at. They are sent from where they lie soon after, so they
 * should still be in the second-level cache then (512 KiB and more a core), and a sender should see its
 * first super-packets (up to 64 KiB each) on their way before it has sent the last.
 */
export const BATCH_BYTES = 256 * 1024;

export interface MessageBatchOptions extends SlotOptions {
  /** Bytes at the start of each slot that receiving leaves alone; default 0. */
  readonly headerBytes?: number;
  /**
   * How many the first call takes at most: who handles them has not been compiled yet, and each takes
   * ten times as long. Later ones take one more for every {@linkcode GROWTH} that came. Default: a
   * message for each slot.
   */
  readonly first?: number;
}

/** Some thousand packets make a worker's program fast; a batch is whole after one thousand. */
const GROWTH = 16;

/** Room for one address; the kernel writes 20 bytes. */
const NAME_BYTES = 32;
const MMSGHDR_WORDS = MMSGHDR.size / 4;
const LENGTH_WORD = MMSGHDR.offsets.msg_len / 4;
const FLAGS_WORD = MMSGHDR.offsets["msg_hdr.msg_flags"] / 4;

/**
 * Receives up to a slot's worth of packets each with one system call (recvmmsg(2)).
 *
 * Nothing is allocated per call. A slot's contents stay until the next `receive`. Packets may be
 * changed in place and sent from there with a SendQueue on `mapping`.
 */
export class MessageBatch implements Disposable {
  /** The packets' memory, for a SendQueue. */
  readonly mapping: Mapping;
  readonly buffer: ArrayBuffer;
  /** How many messages one call can receive. */
  readonly slots: number;
  readonly #slots: Slots;
  readonly #headers: Mapping;
  readonly #pointer: Deno.PointerObject;
  readonly #words: Int32Array;
  readonly #names: Uint8Array;
  /** How many the next call takes at most: by the size of those that came last. */
  #most: number;
  /** No more than that: the batch grows with the messages that have come at all. */
  #grown: number;
  #untilGrowth = GROWTH;
  /** Whether the last `receive` may have left some. */
  more = false;
  readonly #libc = openLibc();

  constructor(options: MessageBatchOptions = {}) {
    this.#slots = new Slots(options);
    this.mapping = this.#slots.mapping;
    this.buffer = this.#slots.buffer;
    this.slots = this.#slots.count;
    this.#grown = Math.min(this.slots, options.first ?? this.slots);
    this.#most = this.#grown;
    const { headers, namesOffset } = buildHeaders(this.#slots, options.headerBytes ?? 0);
    this.#headers = headers;
    this.#pointer = headers.pointer;
    this.#words = new Int32Array(headers.buffer, 0, this.slots * MMSGHDR_WORDS);
    this.#names = new Uint8Array(headers.buffer, namesOffset);
  }

  /** Where slot `i` starts in `buffer`, its header bytes included; a multiple of 8. */
  slotOffset(i: number): number {
    return this.#slots.offset(i);
  }

  /**
   * Takes what is there without waiting: the number of messages, 0 when there were none, or
   * -errno, such as -ENETDOWN (-100) once after the interface went down.
   */
  receive(fd: number): number {
    const most = this.#most;
    const count = this.#libc.recvmmsg(fd, this.#pointer, most, MSG_DONTWAIT, null);
    if (count >= 0) {
      this.more = count === most;
      this.#most = this.#mostOf(count);
      return count;
    }
    const errno = lastErrno();
    this.more = false;
    return errno === EAGAIN || errno === EINTR ? 0 : -errno;
  }

  #mostOf(count: number): number {
    if (this.#grown < this.slots) this.#grow(count);
    let sum = 0;
    for (let i = 0; i < count; i++) sum += this.#words[i * MMSGHDR_WORDS + LENGTH_WORD]!;
    if (sum * this.#grown <= BATCH_BYTES * count) return this.#grown;
    return Math.max(1, Math.floor(BATCH_BYTES * count / sum));
  }

  #grow(count: number): void {
    this.#untilGrowth -= count;
    while (this.#untilGrowth <= 0 && this.#grown < this.slots) {
      this.#grown++;
      this.#untilGrowth += GROWTH;
    }
  }

  /** Length of message `i` in the slot, without the slot's header bytes. */
  receivedBytes(i: number): number {
    return this.#words[i * MMSGHDR_WORDS + LENGTH_WORD]!;
  }

  /** PACKET_HOST (0), PACKET_BROADCAST (1), …: to whom the frame was addressed. */
  packetType(i: number): number {
    return this.#names[i * NAME_BYTES + SOCKADDR_LL.offsets.sll_pkttype]!;
  }

  /** Whether message `i` was longer than its slot and lost its end. */
  truncated(i: number): boolean {
    return (this.#words[i * MMSGHDR_WORDS + FLAGS_WORD]! & MSG_TRUNC) !== 0;
  }

  [Symbol.dispose](): void {
    this.#headers[Symbol.dispose]();
    this.#slots[Symbol.dispose]();
  }
}

/** One mapping: the mmsghdrs, then their iovecs, then room for their addresses. */
function buildHeaders(slots: Slots, headerBytes: number) {
  const { count, slotBytes, mapping } = slots;
  if (headerBytes < 0 || headerBytes >= slotBytes) {
    throw new RangeError(`Cannot leave ${headerBytes} of ${slotBytes} bytes alone`);
  }
  const iovecsOffset = count * MMSGHDR.size;
  const namesOffset = iovecsOffset + count * IOVEC.size;
  const headers = mapAnonymous(namesOffset + count * NAME_BYTES);
  const view = new DataView(headers.buffer);
  const message = MMSGHDR.offsets;
  const put64 = (at: number, value: bigint) => view.setBigUint64(at, value, true);
  for (let i = 0; i < count; i++) {
    const at = i * MMSGHDR.size;
    const iovec = iovecsOffset + i * IOVEC.size;
    put64(at + message["msg_hdr.msg_name"], headers.address + BigInt(namesOffset + i * NAME_BYTES));
    view.setUint32(at + message["msg_hdr.msg_namelen"], NAME_BYTES, true);
    put64(at + message["msg_hdr.msg_iov"], headers.address + BigInt(iovec));
    put64(at + message["msg_hdr.msg_iovlen"], 1n);
    put64(iovec + IOVEC.offsets.iov_base, mapping.address + BigInt(slots.offset(i) + headerBytes));
    put64(iovec + IOVEC.offsets.iov_len, BigInt(slotBytes - headerBytes));
  }
  return { headers, namesOffset };
}
