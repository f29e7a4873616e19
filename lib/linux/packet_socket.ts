import {
  AF_PACKET,
  PACKET_FANOUT,
  PACKET_FANOUT_CBPF,
  PACKET_FANOUT_CPU,
  PACKET_FANOUT_DATA,
  PACKET_FANOUT_FLAG_UNIQUEID,
  PACKET_FANOUT_HASH,
  PACKET_IGNORE_OUTGOING,
  PACKET_STATISTICS,
  PACKET_VNET_HDR,
  SIOCGSTAMPNS,
  SO_ATTACH_FILTER,
  SO_DETACH_FILTER,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_PACKET,
  SOL_SOCKET,
} from "./constants.ts";
import { lastErrno, LinuxError } from "./error.ts";
import type { Fd } from "./fd.ts";
import { openLibc } from "./libc.ts";
import {
  bindSocket,
  openSocket,
  setReceiveBuffer,
  setSendBuffer,
  setSocketOption,
} from "./socket.ts";
import { type BpfInstruction, DROP_ALL, withProgram } from "./sockets_filter.ts";
import { SOCKADDR_LL, TPACKET_STATS } from "./structs.ts";

/** Several sockets that share an interface's packets (packet(7), PACKET_FANOUT). */
export interface FanoutOptions {
  /** The same number, 0 to 65535, for all members, and different from everybody else's. */
  readonly group: number;
  /** By the kernel's flow hash, by the CPU that received, or by a program. */
  readonly mode: "hash" | "cpu" | "program";
  /**
   * For "program": its result modulo the number of members is the member, in the order in which
   * they joined. It reads from the network header on, where a filter reads from the Ethernet header.
   */
  readonly program?: readonly BpfInstruction[];
}

export interface PacketSocketOptions {
  readonly interfaceIndex: number;
  /**
   * ETH_P_* in host order, such as 0x0800. Frames are sent under it too. 0 makes a socket that
   * receives nothing and sends whatever type the frame's Ethernet header says.
   */
  readonly protocol: number;
  /** Each frame is preceded by a `struct virtio_net_hdr` of 10 bytes, both ways. */
  readonly vnetHeader: boolean;
  readonly receiveBufferBytes?: number;
  readonly sendBufferBytes?: number;
  /** Leaves out frames that this host sends; only ETH_P_ALL sockets see those at all. */
  readonly ignoreOutgoing?: boolean;
  /** Which frames to take; in force before the first one can arrive. */
  readonly filter?: readonly BpfInstruction[];
  readonly fanout?: FanoutOptions;
}

/** What the kernel counted for a socket since it was opened. */
export interface PacketStatistics {
  /** Frames that passed the filter, the dropped ones included. */
  readonly packets: number;
  /** Those for which the receive buffer had no room. */
  readonly drops: number;
}

/** An AF_PACKET socket on one interface; not blocking. Receive and send with message_batch.ts. */
export class PacketSocket implements Disposable {
  readonly fd: Fd;
  readonly #counts = new Uint32Array(TPACKET_STATS.size / 4);
  readonly #countsLength = new Uint32Array(1);
  #packets = 0;
  #drops = 0;

  constructor(fd: Fd) {
    this.fd = fd;
  }

  /** Replaces the filter; null takes every frame of the protocol. Throws LinuxError. */
  setFilter(program: readonly BpfInstruction[] | null): void {
    const option = { level: SOL_SOCKET, action: `set the filter of the ${this.fd.label}` };
    if (program === null) {
      setSocketOption(this.fd, { ...option, name: SO_DETACH_FILTER, value: 0 });
      return;
    }
    withProgram(program, (value) => {
      setSocketOption(this.fd, { ...option, name: SO_ATTACH_FILTER, value });
    });
  }

  /** Frames that found room in the receive buffer since the socket was opened, as of the last `count`. */
  get arrived(): number {
    return this.#packets - this.#drops;
  }
  /** Those that found none. */
  get dropped(): number {
    return this.#drops;
  }

  /**
   * Asks for the totals: the kernel starts from zero at each question, so they are added up here.
   * Allocates nothing.
   */
  count(): void {
    const counters = this.#counts;
    this.#countsLength[0] = TPACKET_STATS.size;
    const result = openLibc().getsockopt(
      this.fd.number,
      SOL_PACKET,
      PACKET_STATISTICS,
      counters,
      this.#countsLength,
    );
    const errno = lastErrno();
    if (result < 0) {
      throw new LinuxError(`count for the ${this.fd.label}`, errno, { call: "getsockopt" });
    }
    this.#packets += counters[TPACKET_STATS.offsets.tp_packets / 4]!;
    this.#drops += counters[TPACKET_STATS.offsets.tp_drops / 4]!;
  }

  /** The totals of now. */
  statistics(): PacketStatistics {
    this.count();
    return { packets: this.#packets, drops: this.#drops };
  }

  /**
   * When the kernel saw the frame that was received last, in milliseconds of CLOCK_REALTIME with its
   * fraction: a batch of one tells the time of each frame, however late it is read. The first call
   * asks the kernel to take the time, and answers NaN when there is none yet.
   */
  stampMs(): number {
    const time = new BigInt64Array(2);
    const request = new Uint8Array(time.buffer);
    const result = openLibc().ioctl(this.fd.number, BigInt(SIOCGSTAMPNS), request);
    return result < 0 ? NaN : Number(time[0]) * 1000 + Number(time[1]) / 1e6;
  }

  close(): void {
    this.fd.close();
  }

  [Symbol.dispose](): void {
    this.fd.close();
  }
}

/** Opens a packet socket on one interface. Throws LinuxError; needs CAP_NET_RAW. */
export function openPacketSocket(options: PacketSocketOptions): PacketSocket {
  const label = `packet socket on interface ${options.interfaceIndex}`;
  // Protocol 0 until it is bound: else it takes packets of every interface meanwhile (packet(7)).
  const fd = openSocket({
    domain: AF_PACKET,
    type: SOCK_RAW | SOCK_NONBLOCK,
    label,
    needs: "CAP_NET_RAW",
  });
  try {
    const socket = new PacketSocket(fd);
    configure(socket, options);
    return socket;
  } catch (error) {
    fd.close();
    throw error;
  }
}

function configure(socket: PacketSocket, options: PacketSocketOptions): void {
  const { fd } = socket;
  const set = (name: number, value: number, action: string) =>
    setSocketOption(fd, { level: SOL_PACKET, name, value, action });
  if (options.vnetHeader) set(PACKET_VNET_HDR, 1, "ask for virtio_net headers");
  if (options.ignoreOutgoing) set(PACKET_IGNORE_OUTGOING, 1, "leave out outgoing packets");
  if (options.receiveBufferBytes) setReceiveBuffer(fd, options.receiveBufferBytes);
  if (options.sendBufferBytes) setSendBuffer(fd, options.sendBufferBytes);
  if (options.fanout === undefined) {
    if (options.filter) socket.setFilter(options.filter);
    bindToInterface(fd, options);
    return;
  }
  // A member is bound before it joins. Meanwhile it must not take what another member takes.
  socket.setFilter(DROP_ALL);
  bindToInterface(fd, options);
  joinFanout(fd, options.fanout);
  socket.setFilter(options.filter ?? null);
}

function bindToInterface(fd: Fd, { interfaceIndex, protocol }: PacketSocketOptions): void {
  const address = new Uint8Array(SOCKADDR_LL.size);
  const view = new DataView(address.buffer);
  view.setUint16(SOCKADDR_LL.offsets.sll_family, AF_PACKET, true);
  view.setUint16(SOCKADDR_LL.offsets.sll_protocol, protocol, false);
  view.setInt32(SOCKADDR_LL.offsets.sll_ifindex, interfaceIndex, true);
  bindSocket(fd, address, { action: `bind to interface ${interfaceIndex}` });
}

/**
 * PACKET_FANOUT_FLAG_IGNORE_OUTGOING: what PACKET_IGNORE_OUTGOING is for one socket. Debian 12's headers,
 * which constants.ts is compared with, do not have it yet.
 */
const FANOUT_IGNORE_OUTGOING = 0x4000;

/** The fanout group that a socket has joined, or null. Throws LinuxError. */
export function fanoutGroup(fd: Fd): number | null {
  const value = new Uint32Array(1);
  const length = new Uint32Array([4]);
  const result = openLibc().getsockopt(fd.number, SOL_PACKET, PACKET_FANOUT, value, length);
  const errno = lastErrno();
  if (result < 0) {
    throw new LinuxError(`ask for the group of the ${fd.label}`, errno, { call: "getsockopt" });
  }
  // The mode stands above, which is not 0 for those that this program makes.
  return value[0] === 0 ? null : value[0]! & 0xffff;
}

/**
 * Has a bound socket share its interface's packets, as a program says (setFanoutProgram); without one
 * the first member gets all. What waits in the socket stays there. Throws LinuxError.
 * @param group null: a new one, with a number that nobody else has
 * @returns its number
 */
export function joinProgramFanout(fd: Fd, group: number | null): number {
  const flags = FANOUT_IGNORE_OUTGOING |
    (group === null ? PACKET_FANOUT_FLAG_UNIQUEID : 0);
  const value = ((group ?? 0) | ((PACKET_FANOUT_CBPF | flags) << 16)) >>> 0;
  const action = "share an interface among packet workers";
  setSocketOption(fd, { level: SOL_PACKET, name: PACKET_FANOUT, value, action });
  return group ?? fanoutGroup(fd)!;
}

/** Says which member of a socket's group gets which packet, as FanoutOptions' program. Throws LinuxError. */
export function setFanoutProgram(fd: Fd, program: readonly BpfInstruction[]): void {
  const action = "say which packet worker gets which packet";
  withProgram(program, (value) => {
    setSocketOption(fd, { level: SOL_PACKET, name: PACKET_FANOUT_DATA, value, action });
  });
}

const FANOUT_MODES = {
  hash: PACKET_FANOUT_HASH,
  cpu: PACKET_FANOUT_CPU,
  program: PACKET_FANOUT_CBPF,
} as const;

function joinFanout(fd: Fd, { group, mode, program }: FanoutOptions): void {
  const action = `join fanout group ${group}`;
  const value = group | (FANOUT_MODES[mode] << 16);
  setSocketOption(fd, { level: SOL_PACKET, name: PACKET_FANOUT, value, action });
  if (program !== undefined) setFanoutProgram(fd, program);
}
