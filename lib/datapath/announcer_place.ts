import { ETH_P_ARP, ETH_P_IPV6, PACKET_OTHERHOST } from "../linux/constants.ts";
import type { Fd } from "../linux/fd.ts";
import type { MessageBatch } from "../linux/message_batch.ts";
import { listenToGroups } from "../linux/multicast.ts";
import { openPacketSocket, type PacketSocket } from "../linux/packet_socket.ts";
import type { Link } from "../linux/rtnetlink.ts";
import { DROP_ALL } from "../linux/sockets_filter.ts";
import type { IpAddress } from "../wire/address.ts";
import { buildArpAnnouncement } from "../wire/arp.ts";
import { equalMacs } from "../wire/ethernet.ts";
import { buildNeighbourAnnouncement, solicitedNodeGroup } from "../wire/neighbour_discovery.ts";
import { addressesOf, type AddressRange, prefixesOfRange } from "../wire/prefix.ts";
import type { FrameSender } from "./frame_sender.ts";
import { arpFilter, neighbourDiscoveryFilter } from "./neighbour_filter.ts";

/** What does not fit in comes faster than it is answered, and is lost. */
const RECEIVE_BUFFER_BYTES = 128 * 1024;
/** More than an interface joins, so that it listens to all of them instead. */
const MOST_GROUPS = 1024;

/** What the places of an announcer use one after the other. */
export interface SharedMemory {
  readonly batch: MessageBatch;
  readonly sender: FrameSender;
}

/** One interface of an announcer: its sockets for ARP and neighbour discovery. */
export class AnnouncerPlace implements Disposable {
  readonly name: string;
  /** How many answers were sent. */
  answered = 0;
  readonly #index: number;
  readonly #batch: MessageBatch;
  readonly #sender: FrameSender;
  readonly #arp: PacketSocket;
  readonly #ipv6: PacketSocket;
  #link: Link;
  /** Keeps the interface listening to the groups that solicitations are sent to. */
  #groups: Fd | null = null;

  /** Takes nothing until `use` says what. Throws LinuxError. */
  constructor(link: Link, shared: SharedMemory) {
    this.name = link.name;
    this.#index = link.index;
    this.#batch = shared.batch;
    this.#sender = shared.sender;
    this.#link = link;
    this.#arp = openQuietSocket(link.index, ETH_P_ARP);
    try {
      this.#ipv6 = openQuietSocket(link.index, ETH_P_IPV6);
    } catch (error) {
      this.#arp.close();
      throw error;
    }
  }

  get mac(): Uint8Array {
    return this.#link.linkLayerAddress;
  }

  /** To be polled for reading. */
  get fds(): readonly number[] {
    return [this.#arp.fd.number, this.#ipv6.fd.number];
  }

  /** From now on takes the frames that concern these addresses. Throws LinuxError. */
  use(ranges: readonly AddressRange[]): void {
    const prefixes = ranges.flatMap(({ first, last }) => prefixesOfRange(first, last));
    const groups = groupsOf(ranges);
    const before = this.#groups;
    this.#groups = groups.length === 0
      ? null
      : listenToGroups({ interfaceIndex: this.#index, groups });
    before?.close();
    this.#arp.setFilter(arpFilter(prefixes));
    this.#ipv6.setFilter(neighbourDiscoveryFilter(prefixes));
  }

  /** Takes over what the kernel says; true when neighbours have to be told of addresses again. */
  follow(link: Link): boolean {
    if (link.index !== this.#index) return false;
    const before = this.#link;
    this.#link = link;
    const cameUp = link.carrier && !before.carrier;
    return cameUp || !equalMacs(link.linkLayerAddress, before.linkLayerAddress);
  }

  /**
   * Hands over the frames that are there, up to a batch from each socket, and counts them. A frame
   * is good until `react` returns what to answer.
   */
  receive(react: (frame: Uint8Array) => Uint8Array | null): number {
    let received = 0;
    for (const fd of this.fds) {
      // Below zero the interface is down, which the kernel's notifications tell as well.
      const count = Math.max(0, this.#batch.receive(fd));
      received += count;
      const answers = this.#frames(count).map(react).filter((answer) => answer !== null);
      this.answered += this.#sender.send(fd, answers);
    }
    return received;
  }

  /** Those of the batch that are whole and meant for this machine or for everybody. */
  #frames(count: number): Uint8Array[] {
    const batch = this.#batch;
    const bytes = new Uint8Array(batch.buffer);
    const frames: Uint8Array[] = [];
    for (let i = 0; i < count; i++) {
      if (batch.truncated(i) || batch.packetType(i) === PACKET_OTHERHOST) continue;
      const start = batch.slotOffset(i);
      frames.push(bytes.subarray(start, start + batch.receivedBytes(i)));
    }
    return frames;
  }

  /** Tells everybody on the link that these addresses are here. */
  announce(addresses: readonly IpAddress[]): void {
    const { mac } = this;
    const sender = this.#sender;
    const v4 = addresses.filter(({ family }) => family === 4);
    const v6 = addresses.filter(({ family }) => family === 6);
    sender.send(this.#arp.fd.number, v4.map((address) => buildArpAnnouncement(address, mac)));
    sender.send(
      this.#ipv6.fd.number,
      v6.map((address) => buildNeighbourAnnouncement(address, mac)),
    );
  }

  [Symbol.dispose](): void {
    this.#arp.close();
    this.#ipv6.close();
    this.#groups?.close();
  }
}

function openQuietSocket(interfaceIndex: number, protocol: number): PacketSocket {
  return openPacketSocket({
    interfaceIndex,
    protocol,
    vnetHeader: false,
    receiveBufferBytes: RECEIVE_BUFFER_BYTES,
    filter: DROP_ALL,
  });
}

/** The groups that solicitations for the addresses are sent to, each once. */
function groupsOf(ranges: readonly AddressRange[]): Uint8Array[] {
  const groups = new Map<number, Uint8Array>();
  for (const address of addressesOf(ranges.filter(({ first }) => first.family === 6))) {
    const group = solicitedNodeGroup(address);
    groups.set(group.words[3]!, group.toBytes());
    if (groups.size === MOST_GROUPS) break;
  }
  return [...groups.values()];
}
