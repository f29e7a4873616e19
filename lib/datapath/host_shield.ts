import { hasCapability } from "../linux/capabilities.ts";
import { PACKET_HOST } from "../linux/constants.ts";
import { LinuxError } from "../linux/error.ts";
import {
  BPF_ABS,
  BPF_B,
  BPF_H,
  BPF_JEQ,
  BPF_JMP,
  BPF_K,
  BPF_LD,
  type BpfInstruction,
  jump,
  SKF_AD_OFF,
  SKF_AD_PKTTYPE,
  stmt,
} from "../linux/sockets_filter.ts";
import { TcxDrop } from "../linux/tcx_drop.ts";
import type { Prefix } from "../wire/prefix.ts";
import { exactFilter } from "./ingress_filter.ts";
import { LEAVE } from "./prefix_match.ts";

const PACKET_TYPE_AT = SKF_AD_OFF + SKF_AD_PKTTYPE;
const ETHERTYPE = 12;
const ETHERTYPE_IPV6 = 0x86dd;
const IPV6_NEXT_HEADER = 20;
const ICMPV6 = 58;

/**
 * Spares the host's own kernel the packets for these destinations, after packet sockets have had them:
 * it has no use for them, and to find that out costs it more than to hand them over. Where the kernel
 * cannot be asked for that, refuses it, or so many destinations cannot be told from the host's own
 * addresses, nothing changes but that cost.
 */
export class HostShield {
  readonly #drops: TcxDrop[] = [];
  readonly #failed: (errno: number) => void;
  #isExact = false;

  /**
   * @param destinations none of which may be the host's own
   * @param failed is told once, should the kernel refuse what it ought to have: the errno, or 0
   */
  constructor(
    interfaces: readonly number[],
    destinations: readonly Prefix[],
    failed: (errno: number) => void = () => {},
  ) {
    this.#failed = failed;
    // Without it there is no need to ask, and who confines a daemon hears of nothing that it may not.
    if (!hasCapability("CAP_BPF")) return;
    this.#try(() => {
      const program = this.#program(destinations);
      for (const index of interfaces) {
        const drop = TcxDrop.attach(index, program);
        if (drop === null) return this.close();
        this.#drops.push(drop);
      }
    });
  }

  /** Whether it keeps any packet from the host's kernel. */
  get stands(): boolean {
    return this.#drops.length > 0 && this.#isExact;
  }

  /** There are other destinations. */
  replace(destinations: readonly Prefix[]): void {
    if (this.#drops.length === 0) return;
    this.#try(() => {
      const program = this.#program(destinations);
      for (const drop of this.#drops) drop.replace(program);
    });
  }

  close(): void {
    for (const drop of this.#drops.splice(0)) drop[Symbol.dispose]();
  }

  /** On all interfaces or on none. Packets are carried without it: nothing that it fails by may end that. */
  #try(change: () => void): void {
    try {
      change();
    } catch (error) {
      this.close();
      this.#failed(error instanceof LinuxError ? error.errno : 0);
    }
  }

  #program(destinations: readonly Prefix[]): BpfInstruction[] {
    const filter = exactFilter(destinations);
    this.#isExact = filter !== null;
    return filter === null ? [LEAVE] : sparing(filter);
  }
}

/**
 * A frame for another link address is none of ours, and the kernel may have to pass it on: to a machine
 * behind a bridge, to a container at a macvlan. Neighbours ask by ICMPv6 whether an address is still
 * there, and the kernel may be who answers.
 */
function sparing(filter: readonly BpfInstruction[]): BpfInstruction[] {
  return [
    stmt(BPF_LD | BPF_B | BPF_ABS, PACKET_TYPE_AT >>> 0),
    jump(BPF_JMP | BPF_JEQ | BPF_K, PACKET_HOST, { jt: 1, jf: 0 }),
    LEAVE,
    stmt(BPF_LD | BPF_H | BPF_ABS, ETHERTYPE),
    jump(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IPV6, { jt: 0, jf: 3 }),
    stmt(BPF_LD | BPF_B | BPF_ABS, IPV6_NEXT_HEADER),
    jump(BPF_JMP | BPF_JEQ | BPF_K, ICMPV6, { jt: 0, jf: 1 }),
    LEAVE,
    ...filter,
  ];
}
