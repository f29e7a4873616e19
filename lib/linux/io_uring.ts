import {
  ENOSYS,
  IORING_FEAT_CQE_SKIP,
  IORING_FEAT_SINGLE_MMAP,
  IORING_OFF_SQ_RING,
  IORING_OFF_SQES,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SUBMIT_ALL,
  SYS_io_uring_enter,
  SYS_io_uring_setup,
} from "./constants.ts";
import { lastErrno, LinuxError } from "./error.ts";
import { Fd } from "./fd.ts";
import { openLibc } from "./libc.ts";
import { mapDescriptor, type Mapping } from "./memory.ts";
import { IO_URING_CQE, IO_URING_PARAMS, IO_URING_SQE, type StructLayout } from "./structs.ts";

/** The layout of an entry, in words of `submissions`. */
export const SQE_WORDS = IO_URING_SQE.size / 4;
const CQE_WORDS = IO_URING_CQE.size / 4;
const RESULT_WORD = IO_URING_CQE.offsets.res / 4;
/** Without them a send that went well would have to be told, and each ring be mapped by itself. */
const FEATURES = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_CQE_SKIP;

/**
 * Many small things for the kernel to do with one call (io_uring(7)), of the thread that opens it alone.
 *
 * What is submitted here must be such that the kernel does it within the call or refuses it: nothing
 * is waited for. Kernel and program write the rings by turns then, on one thread, so that plain reads
 * and writes of them are in order. Nothing is allocated per call.
 */
export class IoUring implements Disposable {
  /** The entries to submit, {@linkcode SQE_WORDS} words each; who fills them in leaves the index as `user_data`. */
  readonly submissions: Int32Array;
  /** How many entries there are, a power of two. */
  readonly entries: number;
  readonly #fd: Fd;
  readonly #number: number;
  readonly #rings: Mapping;
  readonly #sqes: Mapping;
  /** The rings' memory, and which of its words are what. */
  readonly #words: Int32Array;
  readonly #submitted: RingWords;
  readonly #completed: RingWords;
  readonly #completions: number;
  readonly #libc = openLibc();

  /**
   * @param atLeast entries, rounded up to a power of two
   * @throws {LinuxError} where the kernel cannot (before 6.0) or may not: `kernel.io_uring_disabled`, a
   * filter of system calls
   */
  constructor(atLeast: number) {
    const parameters = new Uint32Array(IO_URING_PARAMS.size / 4);
    const at = (field: Field) => parameters[word(IO_URING_PARAMS, field)]!;
    parameters[word(IO_URING_PARAMS, "flags")] = IORING_SETUP_SUBMIT_ALL |
      IORING_SETUP_SINGLE_ISSUER;
    const number = this.#libc.syscall_io_uring_setup(SYS_io_uring_setup, atLeast, parameters);
    const errno = lastErrno();
    if (number < 0) throw new LinuxError("open an io_uring", errno, { call: "io_uring_setup" });
    this.#fd = new Fd(number, "io_uring");
    this.#number = number;
    try {
      if ((at("features") & FEATURES) !== FEATURES) {
        throw new LinuxError("open an io_uring that says nothing of success", ENOSYS, {
          call: "io_uring_setup",
        });
      }
      this.entries = at("sq_entries");
      this.#rings = mapDescriptor(number, ringsBytes(at), IORING_OFF_SQ_RING);
      try {
        this.#sqes = mapDescriptor(number, this.entries * IO_URING_SQE.size, IORING_OFF_SQES);
      } catch (error) {
        this.#rings[Symbol.dispose]();
        throw error;
      }
    } catch (error) {
      this.#fd.close();
      throw error;
    }
    this.submissions = new Int32Array(this.#sqes.buffer);
    this.#words = new Int32Array(this.#rings.buffer);
    this.#submitted = ringWords(at, "sq_off");
    this.#completed = ringWords(at, "cq_off");
    this.#completions = at("cq_off.cqes") / 4;
    const array = at("sq_off.array") / 4;
    for (let i = 0; i < this.entries; i++) this.#words[array + i] = i;
  }

  /** Which entry the `i`th of the next submission is. */
  entryAt(i: number): number {
    const words = this.#words;
    return (words[this.#submitted.tail]! + i) & words[this.#submitted.mask]!;
  }

  /**
   * Hands so many entries to the kernel, from {@linkcode entryAt}(0) on, and returns how many it took. It
   * forgets the others, which it does not take when memory is short.
   */
  submit(count: number): number {
    const words = this.#words;
    const { head, tail } = this.#submitted;
    words[tail] = (words[tail]! + count) | 0;
    let left = count;
    while (left > 0) {
      const taken = this.#libc.syscall_io_uring_enter(SYS_io_uring_enter, this.#number, left, 0, 0);
      if (taken <= 0) break;
      left -= taken;
    }
    // What the kernel has not looked at is taken back.
    if (left > 0) words[tail] = words[head]!;
    return count - left;
  }

  /** How many results wait to be read. */
  get results(): number {
    const words = this.#words;
    return (words[this.#completed.tail]! - words[this.#completed.head]!) | 0;
  }

  /** The `user_data` of result i, its lower half. */
  resultOf(i: number): number {
    return this.#words[this.#completionAt(i)]!;
  }

  /** What became of it: as of the system call, or an errno, negated. */
  result(i: number): number {
    return this.#words[this.#completionAt(i) + RESULT_WORD]!;
  }

  /** Has read so many results. */
  forget(count: number): void {
    const words = this.#words;
    words[this.#completed.head] = (words[this.#completed.head]! + count) | 0;
  }

  [Symbol.dispose](): void {
    this.#sqes[Symbol.dispose]();
    this.#rings[Symbol.dispose]();
    this.#fd.close();
  }

  #completionAt(i: number): number {
    const words = this.#words;
    const at = (words[this.#completed.head]! + i) & words[this.#completed.mask]!;
    return this.#completions + at * CQE_WORDS;
  }
}

type Field = keyof typeof IO_URING_PARAMS.offsets;

/** Where in the rings' memory, in words. */
interface RingWords {
  readonly head: number;
  readonly tail: number;
  readonly mask: number;
}

function ringWords(at: (field: Field) => number, ring: "sq_off" | "cq_off"): RingWords {
  return {
    head: at(`${ring}.head`) / 4,
    tail: at(`${ring}.tail`) / 4,
    mask: at(`${ring}.ring_mask`) / 4,
  };
}

function ringsBytes(at: (field: Field) => number): number {
  const array = at("sq_off.array") + at("sq_entries") * 4;
  const completions = at("cq_off.cqes") + at("cq_entries") * IO_URING_CQE.size;
  return Math.max(array, completions);
}

function word<F extends string>(layout: StructLayout<F>, field: F): number {
  return layout.offsets[field] / 4;
}
