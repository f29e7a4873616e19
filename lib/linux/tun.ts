/**
 * Tun devices: network interfaces whose packets this program reads and writes.
 * Documentation/networking/tuntap.rst of the kernel describes them.
 *
 * The interface and everything that hangs on it, such as routes, disappears with its descriptor,
 * however this process ends.
 */
import {
  EINVAL,
  IFF_MULTI_QUEUE,
  IFF_NO_PI,
  IFF_TUN,
  IFF_VNET_HDR,
  IFNAMSIZ,
  O_NONBLOCK,
  O_RDWR,
  TUN_F_CSUM,
  TUN_F_TSO4,
  TUN_F_TSO6,
  TUNSETIFF,
  TUNSETOFFLOAD,
  TUNSETVNETHDRSZ,
} from "./constants.ts";
import { lastErrno, LinuxError } from "./error.ts";
import { type Fd, openFile } from "./fd.ts";
import { cString, openLibc } from "./libc.ts";
import { IFREQ, VIRTIO_NET_HDR } from "./structs.ts";

export { TunBatch } from "./tun_batch.ts";

export interface TunOptions {
  /** `%d` becomes the first free number: "bypath%d". At most 15 bytes. */
  readonly name: string;
  /** Each packet is preceded by a `struct virtio_net_hdr` of 10 bytes, both ways. */
  readonly vnetHeader: boolean;
  /** Packets may come uncut, up to 64 KiB, and with partial checksums; needs vnetHeader. */
  readonly offload: boolean;
  /** Opening the same name again gives another queue of the same device. */
  readonly multiQueue?: boolean;
}

/** An open tun device; not blocking. Read and write with {@link TunBatch}. */
export interface TunDevice extends Disposable {
  readonly fd: Fd;
  readonly name: string;
  readonly interfaceIndex: number;
  close(): void;
}

/**
 * Makes a tun device. It is down and has no address yet: see `setLink` in rtnetlink.ts.
 *
 * Throws LinuxError; needs CAP_NET_ADMIN.
 */
export function openTun(options: TunOptions): TunDevice {
  const { name, vnetHeader, offload, multiQueue = false } = options;
  if (new TextEncoder().encode(name).length >= IFNAMSIZ) {
    throw new RangeError(`Cannot name a tun device "${name}": longer than ${IFNAMSIZ - 1} bytes`);
  }
  const fd = openFile("/dev/net/tun", O_RDWR | O_NONBLOCK, `tun device "${name}"`);
  try {
    const flags = IFF_TUN | IFF_NO_PI | (vnetHeader ? IFF_VNET_HDR : 0) |
      (multiQueue ? IFF_MULTI_QUEUE : 0);
    const actualName = attach(fd, name, flags);
    if (vnetHeader) setHeaderSize(fd, actualName);
    setTunOffload(fd, offload);
    const interfaceIndex = openLibc().if_nametoindex(cString(actualName));
    const close = () => fd.close();
    return { fd, name: actualName, interfaceIndex, close, [Symbol.dispose]: close };
  } catch (error) {
    fd.close();
    throw error;
  }
}

/**
 * Makes a tun device with as many queues, as the agent wants it: packets uncut, with headers. The kernel
 * chooses the queue of a packet by a hash of its flow (tun_automq_select_queue in drivers/net/tun.c).
 *
 * Throws LinuxError; needs CAP_NET_ADMIN.
 */
export function openTunQueues(name: string, queues: number): TunDevice[] {
  const options = { vnetHeader: true, offload: true, multiQueue: queues > 1 };
  const opened = [openTun({ name, ...options })];
  try {
    while (opened.length < queues) opened.push(openTun({ name: opened[0]!.name, ...options }));
  } catch (error) {
    for (const queue of opened) queue.close();
    throw error;
  }
  return opened;
}

/** Checksums and the cutting of TCP: the device gets packets for which that is still to be done. */
const TCP_FEATURES = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
/** The cutting of datagrams that were handed over as one (UDP_SEGMENT, udp(7)), from Linux 6.2 on. */
const TUN_F_USO4 = 0x20;
const TUN_F_USO6 = 0x40;

/**
 * Says whether packets may come uncut and with partial checksums: TCP, and UDP where the kernel can.
 *
 * Throws LinuxError, EINVAL without virtio_net headers.
 */
function setTunOffload(fd: Fd, on: boolean): void {
  if (!on) return setFeatures(fd, 0);
  try {
    setFeatures(fd, TCP_FEATURES | TUN_F_USO4 | TUN_F_USO6);
  } catch (error) {
    if (!(error instanceof LinuxError && error.errno === EINVAL)) throw error;
    setFeatures(fd, TCP_FEATURES);
  }
}

function setFeatures(fd: Fd, features: number): void {
  const result = openLibc().ioctl_integer(fd.number, BigInt(TUNSETOFFLOAD), BigInt(features));
  const errno = lastErrno();
  if (result < 0) {
    const action = `set the offloads of the ${fd.label}`;
    throw new LinuxError(action, errno, { call: "TUNSETOFFLOAD" });
  }
}

/** Makes the device, or joins one; answers the name that it got. */
function attach(fd: Fd, name: string, flags: number): string {
  const request = new Uint8Array(IFREQ.size);
  request.set(cString(name), IFREQ.offsets.ifr_name);
  new DataView(request.buffer).setInt16(IFREQ.offsets.ifr_flags, flags, true);
  const result = openLibc().ioctl(fd.number, BigInt(TUNSETIFF), request);
  const errno = lastErrno();
  if (result < 0) {
    const options = { call: "TUNSETIFF", needs: "CAP_NET_ADMIN" };
    throw new LinuxError(`make the tun device "${name}"`, errno, options);
  }
  const bytes = request.subarray(IFREQ.offsets.ifr_name, IFREQ.offsets.ifr_name + IFNAMSIZ);
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

function setHeaderSize(fd: Fd, name: string): void {
  const size = new Int32Array([VIRTIO_NET_HDR.size]);
  const result = openLibc().ioctl(fd.number, BigInt(TUNSETVNETHDRSZ), size);
  const errno = lastErrno();
  if (result < 0) {
    const action = `set the header size of tun device "${name}"`;
    throw new LinuxError(action, errno, { call: "TUNSETVNETHDRSZ" });
  }
}
