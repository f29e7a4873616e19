import { EFD_CLOEXEC, EFD_NONBLOCK } from "./constants.ts";
import { lastErrno, LinuxError } from "./error.ts";
import { Fd } from "./fd.ts";
import { openLibc } from "./libc.ts";
import { mapAnonymous } from "./memory.ts";

const COUNTER_BYTES = 8;
const COUNTER_LENGTH = BigInt(COUNTER_BYTES);

/** What the kernel reads and writes; it lives as long as the thread. */
class EventMemory {
  readonly libc = openLibc();
  readonly one = mapAnonymous(COUNTER_BYTES);
  readonly onePointer = this.one.pointer;
  readonly readPointer = mapAnonymous(COUNTER_BYTES).pointer;

  constructor() {
    new Uint8Array(this.one.buffer)[0] = 1;
  }
}

let memory: EventMemory | undefined;

/** A descriptor that wakes up whoever polls it for reading (eventfd(2)). */
export class EventFd implements Disposable {
  readonly fd: Fd;

  constructor(fd: Fd) {
    this.fd = fd;
  }

  /** Makes it ready. Another thread does the same with {@link signalEventFd}. */
  signal(): void {
    signalEventFd(this.fd.number);
  }

  /** Makes it not ready any more; says whether it was. */
  drain(): boolean {
    return drainEventFd(this.fd.number);
  }

  close(): void {
    this.fd.close();
  }

  [Symbol.dispose](): void {
    this.fd.close();
  }
}

/** Opens an eventfd, not ready yet. Throws LinuxError. */
export function openEventFd(): EventFd {
  const number = openLibc().eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  const errno = lastErrno();
  if (number < 0) throw new LinuxError("open an eventfd", errno, { call: "eventfd" });
  return new EventFd(new Fd(number, "eventfd"));
}

/** Makes the eventfd of that number ready, from whichever thread; allocates nothing. */
export function signalEventFd(number: number): void {
  memory ??= new EventMemory();
  memory.libc.write(number, memory.onePointer, COUNTER_LENGTH);
}

/** Makes the eventfd of that number not ready any more; says whether it was. */
export function drainEventFd(number: number): boolean {
  memory ??= new EventMemory();
  return memory.libc.read(number, memory.readPointer, COUNTER_LENGTH) === COUNTER_BYTES;
}
