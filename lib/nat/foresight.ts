import type { SessionIndex } from "../session/session_index.ts";
import type { SessionTable } from "../session/session_table.ts";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/protocol.ts";

/**
 * Looks into the packets of a batch before they are handled, just far enough to know which records
 * they will want, and has those brought near together: in a table that is larger than the
 * processor's caches most of the time of a lookup is waiting for memory, and the waiting of many
 * lookups can overlap.
 *
 * Nothing depends on what it finds: bytes that are no packet make it fetch something of no use.
 */
export class Foresight {
  readonly #table: SessionTable;
  readonly #index: SessionIndex;
  readonly #isNatAddress: (entry: number) => boolean;
  readonly #addresses = new Int32Array(8);

  constructor(table: SessionTable, isNatAddress: (entry: number) => boolean) {
    this.#table = table;
    this.#index = table.index;
    this.#isNatAddress = isNatAddress;
    this.#addresses[2] = 0xffff;
    this.#addresses[6] = 0xffff;
  }

  /** Whether it pays; not while the table is small. */
  get pays(): boolean {
    return this.#index.foresees;
  }

  /** A packet that will be handled soon; extension headers and fragments are left to then. */
  look(view: DataView, at: number): void {
    const addresses = this.#addresses;
    const isIpv4 = view.getUint8(at) >>> 4 === 4;
    const from = at + (isIpv4 ? 12 : 8);
    const protocol = view.getUint8(at + (isIpv4 ? 9 : 6));
    if (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP) return;
    let ports = at + 40;
    if (isIpv4) {
      if ((view.getUint16(at + 6) & 0x1fff) !== 0) return;
      for (let i = 0; i < 2; i++) {
        addresses[i] = addresses[4 + i] = 0;
        addresses[4 * i + 2] = 0xffff;
        addresses[4 * i + 3] = view.getInt32(from + 4 * i);
      }
      ports = at + 4 * (view.getUint8(at) & 15);
    } else for (let i = 0; i < 8; i++) addresses[i] = view.getInt32(from + 4 * i);
    this.#foresee(protocol, view.getUint16(ports), view.getUint16(ports + 2));
  }

  /** Brings near what was looked for. */
  fetch(): void {
    this.#index.fetch();
  }

  #foresee(protocol: number, sourcePort: number, destinationPort: number): void {
    const table = this.#table, addresses = this.#addresses;
    const natAddress = table.findEndpoint(addresses, 4, 0);
    if (natAddress !== 0 && this.#isNatAddress(natAddress)) {
      const server = table.findEndpoint(addresses, 0, sourcePort);
      this.#index.foreseeOutbound(server, natAddress, destinationPort, protocol);
      return;
    }
    const vip = table.findEndpoint(addresses, 4, destinationPort);
    if (vip !== 0) this.#index.foreseeInbound(addresses, 0, sourcePort, vip, protocol);
  }
}
