/**
 * Memory that the garbage collector never moves or frees, for everything whose address goes into a
 * struct that the kernel reads or writes.
 */
import {
  MADV_DONTNEED,
  MADV_HUGEPAGE,
  MADV_POPULATE_WRITE,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  SEEK_END,
} from "./constants.ts";
import { lastErrno, LinuxError } from "./error.ts";
import { Fd, openFile } from "./fd.ts";
import { cString, openLibc } from "./libc.ts";

/**
 * Pages of memory at a fixed address.
 *
 * Disposing of it unmaps the pages. Its own `buffer` is detached first, so views of it become
 * empty. Views made with {@link viewAt}, here or in another thread, do not: touching one of those
 * afterwards ends the process with a segmentation fault.
 */
export interface Mapping extends Disposable {
  /** Where it starts; a multiple of the page size. Send this number to another thread. */
  readonly address: bigint;
  readonly pointer: Deno.PointerObject;
  readonly buffer: ArrayBuffer;
  readonly lengthBytes: number;
}

/** How a file is mapped. */
export interface MapFileOptions {
  /** How much of it; absent: all. */
  readonly lengthBytes?: number;
  /** Without it, writing to the buffer ends the process with a segmentation fault. */
  readonly writable: boolean;
  /**
   * Makes the file (mode 0600) when there is none, and grows a shorter one to `lengthBytes` with
   * zeros. It never gets shorter: another process may have it mapped.
   */
  readonly create?: boolean;
  /**
   * With `create`: takes the room on the disk (or, on tmpfs, the memory) at once. Without it a
   * disk that is full later ends the process with SIGBUS at the first touch of a new page.
   */
  readonly reserve?: boolean;
  /** Begins where a huge page may, so that {@linkcode gatherHugePages} and later mappings have use of them. */
  readonly aligned?: boolean;
}

const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

class MappedPages implements Mapping {
  readonly pointer: Deno.PointerObject;
  readonly address: bigint;
  readonly buffer: ArrayBuffer;
  readonly lengthBytes: number;
  readonly #room: Pages;
  #mapped = true;

  /** @param room what was taken for it in all; default: these pages */
  constructor(pointer: Deno.PointerObject, lengthBytes: number, room?: Pages) {
    this.#room = room ?? { pointer, lengthBytes };
    this.pointer = pointer;
    this.address = Deno.UnsafePointer.value(pointer);
    this.buffer = Deno.UnsafePointerView.getArrayBuffer(pointer, lengthBytes);
    this.lengthBytes = lengthBytes;
  }

  [Symbol.dispose](): void {
    if (!this.#mapped) return;
    this.#mapped = false;
    // Detaches without a copy. A shorter length given here would zero what lies beyond it.
    this.buffer.transfer();
    openLibc().munmap(this.#room.pointer, BigInt(this.#room.lengthBytes));
  }
}

interface Pages {
  readonly pointer: Deno.PointerObject;
  readonly lengthBytes: number;
}

/**
 * New pages full of zeros, readable by every thread of this process.
 *
 * Throws RangeError for a length that is not a positive integer, LinuxError when memory is short.
 */
export function mapAnonymous(lengthBytes: number): Mapping {
  checkLength(lengthBytes);
  const flags = MAP_PRIVATE | MAP_ANONYMOUS;
  return map(`map ${lengthBytes} bytes of memory`, { lengthBytes, flags, writable: true, fd: -1 });
}

/** The size of a huge page on x86-64, and the most common one elsewhere. */
const HUGE_PAGE_BYTES = 2 * 1024 * 1024;

/**
 * The same in huge pages where the kernel has them (MADV_HUGEPAGE, madvise(2)): for large memory that is
 * used at random, where most of the time of an access goes into finding its page.
 */
export function mapHuge(lengthBytes: number): Mapping {
  checkLength(lengthBytes);
  // Room to begin where a huge page may.
  const pages = mapAnonymous(lengthBytes + HUGE_PAGE_BYTES);
  // Refused where the kernel was built without them: ordinary pages do as well.
  openLibc().madvise(pages.pointer, BigInt(pages.lengthBytes), MADV_HUGEPAGE);
  const address = hugePageFrom(pages.address);
  const start = Deno.UnsafePointer.create(address)!;
  // Zeroing one takes so long that it is better done now than at its first use.
  openLibc().madvise(start, BigInt(lengthBytes), MADV_POPULATE_WRITE);
  const buffer = Deno.UnsafePointerView.getArrayBuffer(start, lengthBytes);
  return {
    address,
    pointer: start,
    buffer,
    lengthBytes,
    [Symbol.dispose]: () => {
      if (!buffer.detached) buffer.transfer();
      pages[Symbol.dispose]();
    },
  };
}

/** Debian 12's headers, which constants.ts is compared with, do not have it yet. */
const MADV_COLLAPSE = 25;

/**
 * Puts bytes of a file that is mapped `aligned` into huge pages (MADV_COLLAPSE, since Linux 6.1), for whoever
 * maps it so from now on, this mapping included. For before they are used: who touches one of these pages
 * meanwhile waits. They count as this process's memory when they are touched, as before.
 *
 * @returns whether all of them are; a file system other than tmpfs has none
 */
export function gatherHugePages(mapping: Mapping, offset: number, lengthBytes: number): boolean {
  const { madvise } = openLibc();
  const last = offset + lengthBytes;
  for (let at = offset - offset % HUGE_PAGE_BYTES; at < last; at += HUGE_PAGE_BYTES) {
    const page = Deno.UnsafePointer.create(mapping.address + BigInt(at));
    const bytes = BigInt(Math.min(HUGE_PAGE_BYTES, mapping.lengthBytes - at));
    if (madvise(page, bytes, MADV_COLLAPSE) !== 0) return false;
    // Of a file nothing is lost: it is only no longer mapped.
    madvise(page, bytes, MADV_DONTNEED);
  }
  return true;
}

/** The first place at or after an address where a huge page may begin. */
function hugePageFrom(address: bigint): bigint {
  return address + (-address & BigInt(HUGE_PAGE_BYTES - 1));
}

/**
 * The bytes of a file, shared live with every process that maps it.
 *
 * Throws LinuxError when it cannot be opened or mapped, RangeError when it is shorter than asked.
 */
export function mapFile(path: string, options: MapFileOptions): Mapping {
  const { writable, create = false, aligned = false } = options;
  using file = openFile(path, (writable ? O_RDWR : O_RDONLY) | (create ? O_CREAT : 0));
  if (create) grow(file, path, options);
  const fileBytes = fileLength(file);
  const lengthBytes = options.lengthBytes ?? fileBytes;
  checkLength(lengthBytes);
  if (lengthBytes > fileBytes) {
    throw new RangeError(
      `Cannot map "${path}": it has ${fileBytes} bytes, ${lengthBytes} were expected`,
    );
  }
  const how = { lengthBytes, flags: MAP_SHARED, writable, fd: file.number };
  return aligned ? mapAligned(`map "${path}"`, how) : map(`map "${path}"`, how);
}

/** Memory that child processes can map as well. */
export interface MemoryFile extends Disposable {
  /** Inherited by every child process under this number, for {@link mapDescriptor}. */
  readonly fd: Fd;
  readonly mapping: Mapping;
}

/** New memory, full of zeros, as a file without a name (memfd_create(2)). Throws LinuxError. */
export function makeMemoryFile(label: string, lengthBytes: number): MemoryFile {
  checkLength(lengthBytes);
  const number = openLibc().memfd_create(cString(label), 0);
  const errno = lastErrno();
  if (number < 0) throw new LinuxError("make a memory file", errno, { call: "memfd_create" });
  const fd = new Fd(number, `memory file "${label}"`);
  try {
    if (openLibc().ftruncate(number, BigInt(lengthBytes)) < 0) {
      throw new LinuxError("make a memory file longer", lastErrno(), { call: "ftruncate" });
    }
    const mapping = mapDescriptor(number, lengthBytes);
    return {
      fd,
      mapping,
      [Symbol.dispose]() {
        mapping[Symbol.dispose]();
        fd.close();
      },
    };
  } catch (error) {
    fd.close();
    throw error;
  }
}

/**
 * The memory behind an open descriptor, shared live and writable. Throws LinuxError.
 * @param offset where in it the mapping begins, a multiple of the page size; default 0
 */
export function mapDescriptor(fd: number, lengthBytes: number, offset = 0): Mapping {
  checkLength(lengthBytes);
  const how = { lengthBytes, flags: MAP_SHARED, writable: true, fd, offset };
  return map(`map descriptor ${fd}`, how);
}

/**
 * A view of memory mapped elsewhere in this process, such as by another thread.
 *
 * The mapping must be alive as long as the view is used: nothing checks it.
 */
export function viewAt(address: bigint, lengthBytes: number): ArrayBuffer {
  checkLength(lengthBytes);
  const pointer = Deno.UnsafePointer.create(address);
  if (pointer === null) throw new RangeError("Cannot view memory: the address is 0");
  return Deno.UnsafePointerView.getArrayBuffer(pointer, lengthBytes);
}

interface MapOptions {
  readonly lengthBytes: number;
  readonly flags: number;
  /** Default: readable alone. */
  readonly writable?: boolean;
  readonly fd: number;
  /** Default: 0. */
  readonly offset?: number;
}

function map(action: string, options: MapOptions): Mapping {
  return new MappedPages(mapAt(action, null, options), options.lengthBytes);
}

/** Takes more room than it needs and maps where in it a huge page may begin. */
function mapAligned(action: string, options: MapOptions): Mapping {
  const lengthBytes = options.lengthBytes + HUGE_PAGE_BYTES;
  const flags = MAP_PRIVATE | MAP_ANONYMOUS;
  const pointer = mapAt(action, null, { lengthBytes, flags, protection: PROT_NONE, fd: -1 });
  const start = Deno.UnsafePointer.create(hugePageFrom(Deno.UnsafePointer.value(pointer)));
  try {
    const mapped = mapAt(action, start, { ...options, flags: options.flags | MAP_FIXED });
    return new MappedPages(mapped, options.lengthBytes, { pointer, lengthBytes });
  } catch (error) {
    openLibc().munmap(pointer, BigInt(lengthBytes));
    throw error;
  }
}

function mapAt(
  action: string,
  place: Deno.PointerValue,
  { lengthBytes, flags, writable, protection, fd, offset = 0 }: MapOptions & {
    protection?: number;
  },
): Deno.PointerObject {
  const access = protection ?? (writable ? PROT_READ | PROT_WRITE : PROT_READ);
  const { mmap } = openLibc();
  const pointer = mmap(place, BigInt(lengthBytes), access, flags, fd, BigInt(offset));
  const errno = lastErrno();
  if (pointer === null || Deno.UnsafePointer.value(pointer) === MAP_FAILED) {
    throw new LinuxError(action, errno, { call: "mmap" });
  }
  return pointer;
}

function grow(file: Fd, path: string, options: MapFileOptions): void {
  const { lengthBytes, reserve = false } = options;
  if (lengthBytes === undefined) throw new TypeError(`Cannot create "${path}": no length given`);
  checkLength(lengthBytes);
  const length = BigInt(lengthBytes);
  if (fileLength(file) < lengthBytes && openLibc().ftruncate(file.number, length) < 0) {
    throw new LinuxError(`make "${path}" longer`, lastErrno(), { call: "ftruncate" });
  }
  if (reserve && openLibc().fallocate(file.number, 0, 0n, length) < 0) {
    throw new LinuxError(`reserve ${lengthBytes} bytes for "${path}"`, lastErrno(), {
      call: "fallocate",
    });
  }
}

function fileLength(file: Fd): number {
  return Number(openLibc().lseek(file.number, 0n, SEEK_END));
}

function checkLength(lengthBytes: number): void {
  if (!Number.isSafeInteger(lengthBytes) || lengthBytes <= 0) {
    throw new RangeError(`Cannot map ${lengthBytes} bytes: the length must be a positive integer`);
  }
}
