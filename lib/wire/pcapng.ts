/**
 * Writes pcapng files, which Wireshark and tshark read (draft-ietf-opsawg-pcapng, sections 4.1 to 4.3 and 4.6).
 *
 * ```
 * every block    | type 4 | length 4 | body, padded to 4 | length 4 |
 * section header | 0a0d0d0a | .. | 1a2b3c4d | 1, 0 | section length -1 | options | .. |
 * interface      | 1        | .. | link type 2, 0 | snaplen 4 | options | .. |
 * packet         | 6        | .. | interface 4 | time high, low 4+4 | captured 4 | original 4 | bytes | options | .. |
 * statistics     | 5        | .. | interface 4 | time high, low 4+4 | options | .. |
 * option         | code 2 | length 2 | value, padded to 4 | ...; code 0 ends them
 * ```
 *
 * Numbers are little endian, which the section header says. Times are nanoseconds since 1970: each interface says so.
 *
 * @module
 */

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE = 1;
const STATISTICS = 5;
const ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
export const LINKTYPE_ETHERNET = 1;

const OPT_COMMENT = 1;
const SHB_OS = 3;
const SHB_USERAPPL = 4;
const IF_NAME = 2;
const IF_DESCRIPTION = 3;
const IF_TSRESOL = 9;
const IF_FILTER = 11;
const EPB_FLAGS = 2;
const ISB_FILTERACCEPT = 6;
const ISB_USRDELIV = 8;
const ISB_IFDROP = 5;

/** The longest value of an option. */
const MAX_OPTION_BYTES = 0xffff;
const INBOUND = 1, OUTBOUND = 2;

/** Since 1970, UTC. */
export interface PcapngTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

export interface PcapngInterface {
  readonly name: string;
  readonly description: string;
  readonly snapBytes: number;
  /** As the user wrote it; empty: none. */
  readonly filter: string;
}

export interface PcapngPacket extends PcapngTime {
  /** Number of its interface, in the order in which they were written. */
  readonly interface: number;
  readonly isOutbound: boolean;
  readonly bytes: Uint8Array;
  /** Of the packet before it was cut. */
  readonly originalBytes: number;
  readonly comment: string;
}

export interface PcapngStatistics extends PcapngTime {
  readonly interface: number;
  /** Packets that the filter took. */
  readonly accepted: number;
  /** Of these, the ones that are in the file, and the ones that are not since nobody took them in time. */
  readonly written: number;
  readonly lost: number;
}

/** The block that begins a file. */
export function sectionHeader(
  { program, system }: { program: string; system: string },
): Uint8Array {
  const block = new Block(SECTION_HEADER);
  block.u32(BYTE_ORDER_MAGIC);
  block.u16(1);
  block.u16(0);
  // -1: the length is not known beforehand.
  block.u32(0xffffffff);
  block.u32(0xffffffff);
  block.text(SHB_OS, system);
  block.text(SHB_USERAPPL, program);
  return block.finish();
}

/** Has to be written before the first packet of the interface. */
export function interfaceDescription(it: PcapngInterface): Uint8Array {
  const block = new Block(INTERFACE);
  block.u16(LINKTYPE_ETHERNET);
  block.u16(0);
  block.u32(it.snapBytes);
  block.text(IF_NAME, it.name);
  block.text(IF_DESCRIPTION, it.description);
  block.option(IF_TSRESOL, Uint8Array.of(9));
  // Its first byte says what kind of filter it is; 0: a text.
  if (it.filter !== "") block.text(IF_FILTER, `\0${it.filter}`);
  return block.finish();
}

export function enhancedPacket(packet: PcapngPacket): Uint8Array {
  const { bytes, originalBytes, comment } = packet;
  const block = new Block(ENHANCED_PACKET, bytes.length + 3 * comment.length + 64);
  block.u32(packet.interface);
  block.time(packet);
  block.u32(bytes.length);
  block.u32(Math.max(originalBytes, bytes.length));
  block.padded(bytes);
  if (comment !== "") block.text(OPT_COMMENT, comment);
  block.option(EPB_FLAGS, Uint8Array.of(packet.isOutbound ? OUTBOUND : INBOUND, 0, 0, 0));
  return block.finish();
}

/** At the end of a file, one for each interface. */
export function interfaceStatistics(it: PcapngStatistics): Uint8Array {
  const block = new Block(STATISTICS);
  block.u32(it.interface);
  block.time(it);
  block.count(ISB_IFDROP, it.lost);
  block.count(ISB_FILTERACCEPT, it.accepted);
  block.count(ISB_USRDELIV, it.written);
  return block.finish();
}

/** A block that is being written. */
class Block {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;
  #hasOptions = false;

  constructor(type: number, roomBytes = 256) {
    this.#bytes = new Uint8Array(roomBytes);
    this.#view = new DataView(this.#bytes.buffer);
    this.u32(type);
    this.u32(0);
  }

  u16(value: number): void {
    this.#view.setUint16(this.#grow(2), value, true);
  }

  u32(value: number): void {
    this.#view.setUint32(this.#grow(4), value, true);
  }

  /** 64 bits in units of a nanosecond, the high half first. */
  time({ seconds, nanoseconds }: PcapngTime): void {
    const total = BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
    this.u32(Number(total >> 32n));
    this.u32(Number(total & 0xffffffffn));
  }

  padded(bytes: Uint8Array): void {
    const at = this.#grow((bytes.length + 3) & ~3);
    this.#bytes.set(bytes, at);
  }

  option(code: number, value: Uint8Array): void {
    this.#hasOptions = true;
    this.u16(code);
    this.u16(value.length);
    this.padded(value);
  }

  text(code: number, text: string): void {
    this.option(code, new TextEncoder().encode(text).subarray(0, MAX_OPTION_BYTES));
  }

  count(code: number, value: number): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
    this.option(code, bytes);
  }

  finish(): Uint8Array {
    if (this.#hasOptions) this.u32(0);
    const total = this.#length + 4;
    this.u32(total);
    this.#view.setUint32(4, total, true);
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#length);
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}
