/** Open files that one process hands to another (unix(7), SCM_RIGHTS): both have them open afterwards. */
import {
  AF_UNIX,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SCM_RIGHTS,
  SOCK_DGRAM,
  SOL_SOCKET,
} from "./constants.ts";
import { lastErrno, LinuxError } from "./error.ts";
import { Fd } from "./fd.ts";
import { openLibc } from "./libc.ts";
import { mapAnonymous, type Mapping } from "./memory.ts";
import { waitReadable } from "./poll.ts";
import { bindSocket, openSocket } from "./socket.ts";
import { CMSGHDR, IOVEC, MMSGHDR } from "./structs.ts";
import { encodeUnixAddress } from "./unix_address.ts";

/** The kernel passes no more at once (SCM_MAX_FD). */
const MOST = 253;
const TEXT_BYTES = 4096;
const CONTROL_BYTES = CMSGHDR.size + MOST * 4;

/** One message in memory that stays where it is: its header, its text, its descriptors, an address. */
class Message implements Disposable {
  readonly #memory: Mapping = mapAnonymous(
    MMSGHDR.size + IOVEC.size + 128 + TEXT_BYTES + CONTROL_BYTES,
  );
  readonly #view = new DataView(this.#memory.buffer);
  readonly #iovec = MMSGHDR.size;
  readonly #address = this.#iovec + IOVEC.size;
  readonly #text = this.#address + 128;
  readonly #control = this.#text + TEXT_BYTES;

  constructor() {
    const { address } = this.#memory;
    const put = (at: number, value: bigint) => this.#view.setBigUint64(at, value, true);
    put(MMSGHDR.offsets["msg_hdr.msg_iov"], address + BigInt(this.#iovec));
    put(MMSGHDR.offsets["msg_hdr.msg_iovlen"], 1n);
    put(this.#iovec + IOVEC.offsets.iov_base, address + BigInt(this.#text));
    put(this.#iovec + IOVEC.offsets.iov_len, BigInt(TEXT_BYTES));
    put(MMSGHDR.offsets["msg_hdr.msg_control"], address + BigInt(this.#control));
    put(MMSGHDR.offsets["msg_hdr.msg_controllen"], BigInt(CONTROL_BYTES));
  }

  get pointer(): Deno.PointerObject {
    return this.#memory.pointer;
  }

  write(to: Uint8Array, text: string, descriptors: readonly number[]): void {
    const bytes = new Uint8Array(this.#memory.buffer);
    const encoded = new TextEncoder().encode(text);
    if (encoded.length > TEXT_BYTES || descriptors.length > MOST) {
      throw new RangeError("Cannot pass so much at once");
    }
    bytes.set(to, this.#address);
    bytes.set(encoded, this.#text);
    const put = (at: number, value: number) => this.#view.setBigUint64(at, BigInt(value), true);
    const { msg_name, msg_namelen, msg_controllen } = {
      msg_name: MMSGHDR.offsets["msg_hdr.msg_name"],
      msg_namelen: MMSGHDR.offsets["msg_hdr.msg_namelen"],
      msg_controllen: MMSGHDR.offsets["msg_hdr.msg_controllen"],
    };
    this.#view.setBigUint64(msg_name, this.#memory.address + BigInt(this.#address), true);
    this.#view.setUint32(msg_namelen, to.length, true);
    put(this.#iovec + IOVEC.offsets.iov_len, encoded.length);
    const length = CMSGHDR.size + 4 * descriptors.length;
    put(msg_controllen, length);
    put(this.#control + CMSGHDR.offsets.cmsg_len, length);
    this.#view.setInt32(this.#control + CMSGHDR.offsets.cmsg_level, SOL_SOCKET, true);
    this.#view.setInt32(this.#control + CMSGHDR.offsets.cmsg_type, SCM_RIGHTS, true);
    descriptors.forEach((fd, i) => {
      this.#view.setInt32(this.#control + CMSGHDR.size + 4 * i, fd, true);
    });
  }

  read(): { text: string; descriptors: number[]; isWhole: boolean } {
    const lengthBytes = this.#view.getUint32(MMSGHDR.offsets.msg_len, true);
    const flags = this.#view.getInt32(MMSGHDR.offsets["msg_hdr.msg_flags"], true);
    const text = new TextDecoder().decode(
      new Uint8Array(this.#memory.buffer, this.#text, lengthBytes),
    );
    const at = MMSGHDR.offsets["msg_hdr.msg_controllen"];
    const controlBytes = Number(this.#view.getBigUint64(at, true));
    const length = controlBytes < CMSGHDR.size
      ? CMSGHDR.size
      : Number(this.#view.getBigUint64(this.#control + CMSGHDR.offsets.cmsg_len, true));
    const descriptors = Array.from(
      { length: (length - CMSGHDR.size) / 4 },
      (_, i) => this.#view.getInt32(this.#control + CMSGHDR.size + 4 * i, true),
    );
    return { text, descriptors, isWhole: (flags & MSG_CTRUNC) === 0 };
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}

/** Open files from another process, and what it said about them. */
export interface Received {
  readonly text: string;
  readonly descriptors: readonly Fd[];
}

/** Hands open files to whoever receives at `path`, with a few words. Throws LinuxError. */
export function passDescriptors(
  path: string,
  { text, descriptors }: { text: string; descriptors: readonly number[] },
): void {
  using fd = openSocket({ domain: AF_UNIX, type: SOCK_DGRAM, label: "socket for descriptors" });
  using message = new Message();
  message.write(encodeUnixAddress(path), text, descriptors);
  const sent = openLibc().sendmmsg(fd.number, message.pointer, 1, MSG_NOSIGNAL);
  const errno = lastErrno();
  if (sent < 1) throw new LinuxError(`pass descriptors to "${path}"`, errno, { call: "sendmmsg" });
}

/** Where another process of the same user can hand over open files. */
export class DescriptorInbox implements Disposable {
  readonly path: string;
  readonly #fd: Fd;

  /** Throws LinuxError. */
  constructor(path: string) {
    this.path = path;
    removeIfThere(path);
    this.#fd = openSocket({ domain: AF_UNIX, type: SOCK_DGRAM, label: "inbox for descriptors" });
    const mask = Deno.umask(0o177);
    try {
      bindSocket(this.#fd, encodeUnixAddress(path), { action: `receive at "${path}"` });
    } catch (error) {
      this.#fd.close();
      throw error;
    } finally {
      Deno.umask(mask);
    }
  }

  /** Waits for one message. Throws LinuxError, and Error when none comes in time. */
  async receive(timeoutMs: number): Promise<Received> {
    if (!await waitReadable(this.#fd.number, timeoutMs)) {
      throw new Error(`Nothing was handed over within ${timeoutMs} ms`);
    }
    using message = new Message();
    const flags = MSG_DONTWAIT | MSG_CMSG_CLOEXEC;
    const count = openLibc().recvmmsg(this.#fd.number, message.pointer, 1, flags, null);
    const errno = lastErrno();
    if (count < 1) throw new LinuxError("receive descriptors", errno, { call: "recvmmsg" });
    const { text, descriptors, isWhole } = message.read();
    const received = descriptors.map((number) => new Fd(number, "received descriptor"));
    if (isWhole) return { text, descriptors: received };
    for (const fd of received) fd.close();
    throw new Error("Cannot receive all descriptors: too many are open");
  }

  [Symbol.dispose](): void {
    this.#fd.close();
    removeIfThere(this.path);
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
