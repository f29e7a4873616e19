import {
  AF_INET,
  AF_INET6,
  EAGAIN,
  MSG_DONTWAIT,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
} from "../../lib/linux/constants.ts";
import { lastErrno, LinuxError } from "../../lib/linux/error.ts";
import type { Fd } from "../../lib/linux/fd.ts";
import { openLibc } from "../../lib/linux/libc.ts";
import { mapAnonymous, type Mapping } from "../../lib/linux/memory.ts";
import { waitReadable } from "../../lib/linux/poll.ts";
import {
  bindSocket,
  openSocket,
  setReceiveBuffer,
  setSocketOption,
} from "../../lib/linux/socket.ts";
import { IOVEC, MMSGHDR } from "../../lib/linux/structs.ts";
import { IpAddress } from "../../lib/wire/address.ts";

/** A datagram as received; `bytes` is valid until the next `receive`. */
export interface Datagram {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The sender as a `struct sockaddr_in` or `sockaddr_in6`, for `send`. */
  readonly from: Uint8Array<ArrayBuffer>;
}

/** udp(7): the kernel cuts what one call sends into datagrams of a length. */
const SOL_UDP = 17;
const UDP_SEGMENT = 103;

const SLOTS = 64;
const SLOT_BYTES = 2048;
const NAME_BYTES = 32;
/** A stream must not lose datagrams because its receiver was not scheduled for a moment. */
const RECEIVE_BUFFER_BYTES = 8 << 20;

/**
 * A UDP socket over recvmmsg(2): the runtime's own (node:dgram) loses half of a stream of 2,000
 * datagrams a second before the program sees them.
 */
export class UdpSocket implements Disposable {
  readonly #fd: Fd;
  readonly #libc = openLibc();
  readonly #memory: Mapping;
  readonly #view: DataView;
  readonly #namesOffset = SLOTS * MMSGHDR.size + SLOTS * IOVEC.size;
  readonly #slotsOffset = this.#namesOffset + SLOTS * NAME_BYTES;
  /** Where `take` puts datagrams, and more. */
  readonly memory: DataView;

  constructor(listen: { readonly hostname: string; readonly port: number }) {
    const address = socketAddress(listen.hostname, listen.port);
    this.#fd = openSocket({
      domain: address.length === 16 ? AF_INET : AF_INET6,
      type: SOCK_DGRAM | SOCK_NONBLOCK,
      label: "UDP socket",
    });
    setReceiveBuffer(this.#fd, RECEIVE_BUFFER_BYTES);
    bindSocket(this.#fd, address, { action: `bind to ${listen.hostname} port ${listen.port}` });
    this.#memory = mapAnonymous(this.#slotsOffset + SLOTS * SLOT_BYTES);
    this.#view = new DataView(this.#memory.buffer);
    this.memory = this.#view;
    this.#fillHeaders();
  }

  /** What has arrived, at most 64 datagrams; none when nothing arrives in time. */
  async receive(timeoutMs: number): Promise<Datagram[]> {
    const ready = this.#receiveNow();
    if (ready.length > 0 || !await waitReadable(this.#fd.number, timeoutMs)) return ready;
    return this.#receiveNow();
  }

  get fd(): number {
    return this.#fd.number;
  }

  /** Takes what is there into `memory`, at most 64 datagrams, and allocates nothing. */
  take(): number {
    const nameLength = MMSGHDR.offsets["msg_hdr.msg_namelen"];
    for (let i = 0; i < SLOTS; i++) {
      this.#view.setUint32(i * MMSGHDR.size + nameLength, NAME_BYTES, true);
    }
    const { pointer } = this.#memory;
    return Math.max(0, this.#libc.recvmmsg(this.fd, pointer, SLOTS, MSG_DONTWAIT, null));
  }

  /** Where a datagram of the last `take` starts in `memory`. */
  datagramOffset(i: number): number {
    return this.#slotsOffset + i * SLOT_BYTES;
  }

  /** From whom a datagram of the last `take` came: a copy, for `send`. */
  sender(i: number): Uint8Array<ArrayBuffer> {
    const offset = i * MMSGHDR.size + MMSGHDR.offsets["msg_hdr.msg_namelen"];
    const nameBytes = this.#view.getUint32(offset, true);
    const start = this.#namesOffset + i * NAME_BYTES;
    return new Uint8Array(this.#memory.buffer, start, nameBytes).slice();
  }

  /** From now on one `send` is many datagrams of this length, made by the kernel at once. */
  sendInDatagramsOf(lengthBytes: number): void {
    const action = `send in datagrams of ${lengthBytes} bytes`;
    setSocketOption(this.#fd, { level: SOL_UDP, name: UDP_SEGMENT, value: lengthBytes, action });
  }

  /** Sends one datagram; false when the kernel has no room for it now. Throws LinuxError. */
  send(bytes: Uint8Array<ArrayBuffer>, to: Uint8Array<ArrayBuffer>): boolean {
    const { number } = this.#fd;
    const sent = this.#libc.sendto(
      number,
      bytes,
      BigInt(bytes.length),
      MSG_DONTWAIT,
      to,
      to.length,
    );
    if (sent >= 0) return true;
    const errno = lastErrno();
    if (errno === EAGAIN) return false;
    throw new LinuxError("send a datagram", errno, { call: "sendto" });
  }

  [Symbol.dispose](): void {
    this.#fd.close();
    this.#memory[Symbol.dispose]();
  }

  #receiveNow(): Datagram[] {
    const count = this.take();
    const { buffer } = this.#memory;
    return Array.from({ length: count }, (_, i) => ({
      bytes: new Uint8Array(buffer, this.datagramOffset(i), this.#lengthBytes(i)),
      from: this.sender(i),
    }));
  }

  #lengthBytes(i: number): number {
    return this.#view.getUint32(i * MMSGHDR.size + MMSGHDR.offsets.msg_len, true);
  }

  #fillHeaders(): void {
    const { address } = this.#memory;
    for (let i = 0; i < SLOTS; i++) {
      const header = i * MMSGHDR.size;
      const iovec = SLOTS * MMSGHDR.size + i * IOVEC.size;
      const set = (at: number, offset: number) =>
        this.#view.setBigUint64(at, address + BigInt(offset), true);
      set(header + MMSGHDR.offsets["msg_hdr.msg_name"], this.#namesOffset + i * NAME_BYTES);
      set(header + MMSGHDR.offsets["msg_hdr.msg_iov"], iovec);
      this.#view.setBigUint64(header + MMSGHDR.offsets["msg_hdr.msg_iovlen"], 1n, true);
      set(iovec + IOVEC.offsets.iov_base, this.#slotsOffset + i * SLOT_BYTES);
      this.#view.setBigUint64(iovec + IOVEC.offsets.iov_len, BigInt(SLOT_BYTES), true);
    }
  }
}

/**
 * ```text
 * struct sockaddr_in                     struct sockaddr_in6
 *   0  sin_family  u16, host order         0  sin6_family    u16, host order
 *   2  sin_port    u16, network order      2  sin6_port      u16, network order
 *   4  sin_addr    4 bytes                 4  sin6_flowinfo  u32
 *   8  8 bytes of zeros                    8  sin6_addr      16 bytes
 *                                         24  sin6_scope_id  u32
 * ```
 */
export function socketAddress(hostname: string, port: number): Uint8Array<ArrayBuffer> {
  const address = IpAddress.parse(hostname);
  const bytes = new Uint8Array(address.family === 4 ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, address.family === 4 ? AF_INET : AF_INET6, true);
  view.setUint16(2, port, false);
  bytes.set(address.toBytes(), address.family === 4 ? 4 : 8);
  return bytes;
}

/** Whether two socket addresses are the same endpoint. */
export function sameEndpoint(a: Uint8Array, b: Uint8Array): boolean {
  const endpointBytes = a.length === 16 ? 8 : 24;
  if (a.length !== b.length) return false;
  for (let i = 0; i < endpointBytes; i++) {
    // The flow information of IPv6 is no part of an endpoint.
    if (a[i] !== b[i] && !(a.length > 16 && i >= 4 && i < 8)) return false;
  }
  return true;
}
