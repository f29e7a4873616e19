import { I32, RECORD_BYTES, U16 } from "../session/layout.ts";
import type { IpIdentifications } from "../session/ip_identification.ts";
import type { SessionTable } from "../session/session_table.ts";
import type { Packet } from "../wire/packet.ts";
import { decrementHopLimit, rewrite, setIdentification } from "../wire/rewrite.ts";
import type { Hops } from "./hops.ts";

const WORDS = RECORD_BYTES / 4;

/**
 * What a session's packets look like on the other side, and where they go there: addresses, ports,
 * checksums, hop limit and, where a router may still fragment the packet, a new identification.
 */
export class SessionRewriter {
  readonly #table: SessionTable;
  readonly #hops: Hops;
  readonly #identifications: IpIdentifications;
  /** Next hop by dictionary entry of a server, tagged with the epoch in the upper half. */
  readonly #serverHops = new Int32Array(65536);
  readonly #to = new Int32Array(8);

  constructor(table: SessionTable, hops: Hops, identifications: IpIdentifications) {
    this.#table = table;
    this.#hops = hops;
    this.#identifications = identifications;
  }

  /** The next hop to a session's server, 0 when there is no route. */
  serverHop(slot: number): number {
    const server = this.#table.getU16(slot, U16.server);
    const known = this.#serverHops[server]!;
    if (known >>> 16 === this.#hops.epoch) return known & 0xffff;
    const hop = this.#hops.toAddress(this.#table.dictionary, server * 8);
    if (hop !== 0) this.#serverHops[server] = (this.#hops.epoch << 16) | hop;
    return hop;
  }

  /** The next hop to a session's client, 0 when there is no route. */
  clientHop(slot: number): number {
    const { i32 } = this.#table;
    const at = slot * WORDS;
    const known = i32[at + I32.clientHop]!;
    if (known >>> 16 === this.#hops.epoch) return known & 0xffff;
    const hop = this.#hops.toAddress(i32, at);
    if (hop !== 0) i32[at + I32.clientHop] = (this.#hops.epoch << 16) | hop;
    return hop;
  }

  /** Makes a client's packet one from the session's NAT endpoint to its server. */
  toServer(packet: Packet, slot: number, partial: boolean, nowMs: number): void {
    const table = this.#table;
    const { dictionary } = table;
    const to = this.#to;
    const from = table.getU16(slot, U16.natAddress) * 8;
    const target = table.getU16(slot, U16.server) * 8;
    for (let i = 0; i < 4; i++) {
      to[i] = dictionary[from + i]!;
      to[4 + i] = dictionary[target + i]!;
    }
    rewrite(packet, to, table.getU16(slot, U16.natPort), dictionary[target + 4]!, partial);
    this.#passOn(packet, nowMs);
  }

  /** Makes a server's packet one from the VIP to the session's client. */
  toClient(packet: Packet, slot: number, partial: boolean, nowMs: number): void {
    const table = this.#table;
    const { dictionary, i32 } = table;
    const to = this.#to;
    const vip = table.getU16(slot, U16.vip) * 8;
    const client = slot * WORDS;
    for (let i = 0; i < 4; i++) {
      to[i] = dictionary[vip + i]!;
      to[4 + i] = i32[client + i]!;
    }
    rewrite(packet, to, dictionary[vip + 4]!, table.getU16(slot, U16.clientPort), partial);
    this.#passOn(packet, nowMs);
  }

  /** A new identification for the packet rewritten last: what all fragments of a datagram get. */
  identify(packet: Packet, nowMs: number): number {
    return this.#identifications.next(packet.family, this.#to, packet.protocol, nowMs);
  }

  #passOn(packet: Packet, nowMs: number): void {
    decrementHopLimit(packet);
    // Packets of many senders leave from one address: what a router may still fragment needs an
    // identification of its own (RFC 6864, 5.3.1). Fragments share one, see FragmentTranslator.
    if (packet.family === 4 && !packet.dontFragment && !packet.isFragment) {
      setIdentification(packet, this.identify(packet, nowMs));
    }
  }
}
