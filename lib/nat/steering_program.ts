/**
 * The program by which the kernel chooses the packet socket, and so the worker, of each packet of an
 * interface: what {@linkcode Steering} says, in classic BPF (PACKET_FANOUT_CBPF of packet(7)). It reads
 * from the network header on. What it cannot read (IPv6 extension headers, quotes in an unusual form)
 * goes to worker 0, which hands it over; so do addresses that it does not know, when there are more
 * than fit.
 *
 * @module
 */
import {
  BPF_A,
  BPF_ABS,
  BPF_ADD,
  BPF_ALU,
  BPF_AND,
  BPF_B,
  BPF_H,
  BPF_IMM,
  BPF_IND,
  BPF_JA,
  BPF_JEQ,
  BPF_JGE,
  BPF_JMP,
  BPF_JSET,
  BPF_K,
  BPF_LD,
  BPF_LSH,
  BPF_MAXINSNS,
  BPF_MEM,
  BPF_MISC,
  BPF_MOD,
  BPF_MUL,
  BPF_RET,
  BPF_RSH,
  BPF_TAX,
  BPF_TXA,
  BPF_W,
  BPF_X,
  BPF_XOR,
  type BpfInstruction,
  jump,
  stmt,
} from "../linux/sockets_filter.ts";
import { takeWhenIn } from "../datapath/prefix_match.ts";
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/protocol.ts";
import type { Prefix } from "../wire/prefix.ts";
import { prefixMasks, STEERING_MULTIPLIER, STEERING_SHIFT, type SteeringRule } from "./steering.ts";

/** Stores of the machine's memory, linux/filter.h. */
const BPF_ST = 0x02;

const IPV6_HEADER = 40;
const ICMP_HEADER = 8;
const FRAGMENT_HEADER = 44;

/** A place to jump to, or a jump to one; the rest are instructions. */
type Line = BpfInstruction | { readonly label: string } | { readonly to: string };

/** @param snat the SNAT addresses: packets for them come from servers, all others from clients */
export function steeringProgram(rule: SteeringRule, snat: readonly Prefix[]): BpfInstruction[] {
  const program = assemble(linesOf(rule, snat));
  return program.length <= BPF_MAXINSNS ? program : assemble(linesOf(rule, []));
}

function linesOf(rule: SteeringRule, snat: readonly Prefix[]): Line[] {
  const ofFamily = (family: 4 | 6) => snat.filter(({ address }) => address.family === family);
  return [
    stmt(BPF_LD | BPF_B | BPF_ABS, 0),
    stmt(BPF_ALU | BPF_RSH | BPF_K, 4),
    ...when(BPF_JEQ, 4, "ipv4"),
    ...when(BPF_JEQ, 6, "ipv6"),
    { label: "anybody" },
    stmt(BPF_RET | BPF_K, 0),
    ...ipv4Lines(rule, ofFamily(4)),
    ...ipv6Lines(rule, ofFamily(6)),
    { label: "byHash" },
    stmt(BPF_ALU | BPF_MOD | BPF_K, rule.workers),
    stmt(BPF_RET | BPF_A, 0),
  ];
}

function ipv4Lines(rule: SteeringRule, snat: readonly Prefix[]): Line[] {
  const source = (at: number) => mixAddress(rule, [prefixMasks(rule.ipv4)[0]!], at);
  return [
    { label: "ipv4" },
    stmt(BPF_LD | BPF_H | BPF_ABS, 6),
    // An offset, or more to come.
    ...when(BPF_JSET, 0x3fff, "fragment4"),
    // X: bytes of the header.
    stmt(BPF_LD | BPF_B | BPF_ABS, 0),
    ...headerBytes,
    stmt(BPF_LD | BPF_B | BPF_ABS, 9),
    ...when(BPF_JEQ, PROTOCOL_TCP, "ports4"),
    ...when(BPF_JEQ, PROTOCOL_UDP, "ports4"),
    ...when(BPF_JEQ, PROTOCOL_ICMP, "icmp4"),
    { to: "anybody" },
    { label: "ports4" },
    ...snat.flatMap((prefix) => whenIn(prefix, 16, "toNat4")),
    ...source(12),
    ...(rule.ports ? mix(stmt(BPF_LD | BPF_H | BPF_IND, 0)) : []),
    { to: "byHash" },
    { label: "toNat4" },
    stmt(BPF_LD | BPF_H | BPF_IND, 2),
    { to: "byHash" },
    { label: "fragment4" },
    ...source(12),
    ...mix(stmt(BPF_LD | BPF_H | BPF_ABS, 4)),
    { to: "byHash" },
    { label: "icmp4" },
    stmt(BPF_LD | BPF_B | BPF_IND, 0),
    ...[3, 4, 5, 11, 12].flatMap((type) => when(BPF_JEQ, type, "error4")),
    { to: "anybody" },
    // X moves to the quoted packet's header, is kept, and moves on behind it.
    { label: "error4" },
    stmt(BPF_MISC | BPF_TXA, 0),
    stmt(BPF_ALU | BPF_ADD | BPF_K, ICMP_HEADER),
    stmt(BPF_MISC | BPF_TAX, 0),
    stmt(BPF_ST, QUOTE),
    ...snat.flatMap((prefix) => whenIn(prefix, 16, "aboutClient4")),
    ...mixWords(rule, [prefixMasks(rule.ipv4)[0]!], (i) => stmt(BPF_LD | BPF_W | BPF_IND, 16 + i)),
    stmt(BPF_ST, HASH),
    ...behindQuote4,
    stmt(BPF_LD | BPF_MEM, HASH),
    ...(rule.ports ? mix(stmt(BPF_LD | BPF_H | BPF_IND, 2)) : []),
    { to: "byHash" },
    { label: "aboutClient4" },
    ...behindQuote4,
    stmt(BPF_LD | BPF_H | BPF_IND, 0),
    { to: "byHash" },
  ];
}

function ipv6Lines(rule: SteeringRule, snat: readonly Prefix[]): Line[] {
  const masks = [...prefixMasks(rule.ipv6)];
  const quote = IPV6_HEADER + ICMP_HEADER;
  const port = (at: number) => stmt(BPF_LD | BPF_H | BPF_ABS, at);
  return [
    { label: "ipv6" },
    stmt(BPF_LD | BPF_B | BPF_ABS, 6),
    ...when(BPF_JEQ, PROTOCOL_TCP, "ports6"),
    ...when(BPF_JEQ, PROTOCOL_UDP, "ports6"),
    ...when(BPF_JEQ, PROTOCOL_ICMPV6, "icmp6"),
    ...when(BPF_JEQ, FRAGMENT_HEADER, "fragment6"),
    { to: "anybody" },
    { label: "ports6" },
    ...snat.flatMap((prefix) => whenIn(prefix, 24, "toNat6")),
    ...mixAddress(rule, masks, 8),
    ...(rule.ports ? mix(port(IPV6_HEADER)) : []),
    { to: "byHash" },
    { label: "toNat6" },
    port(IPV6_HEADER + 2),
    { to: "byHash" },
    { label: "fragment6" },
    ...mixAddress(rule, masks, 8),
    // The lower half of the identification.
    ...mix(port(IPV6_HEADER + 6)),
    { to: "byHash" },
    { label: "icmp6" },
    stmt(BPF_LD | BPF_B | BPF_ABS, IPV6_HEADER),
    // Errors are below 128 (RFC 4443, section 2.1).
    ...when(BPF_JGE, 128, "anybody"),
    stmt(BPF_LD | BPF_B | BPF_ABS, quote + 6),
    ...when(BPF_JEQ, PROTOCOL_TCP, "error6"),
    ...when(BPF_JEQ, PROTOCOL_UDP, "error6"),
    { to: "anybody" },
    { label: "error6" },
    ...snat.flatMap((prefix) => whenIn(prefix, 24, "aboutClient6")),
    ...mixAddress(rule, masks, quote + 24),
    ...(rule.ports ? mix(port(quote + IPV6_HEADER + 2)) : []),
    { to: "byHash" },
    { label: "aboutClient6" },
    port(quote + IPV6_HEADER),
    { to: "byHash" },
  ];
}

/** Places of the machine's memory. */
const HASH = 0;
const QUOTE = 1;

/** The first byte of an IPv4 header in A becomes its length in X. */
const headerBytes: readonly BpfInstruction[] = [
  stmt(BPF_ALU | BPF_AND | BPF_K, 15),
  stmt(BPF_ALU | BPF_LSH | BPF_K, 2),
  stmt(BPF_MISC | BPF_TAX, 0),
];

/** X goes from the quoted IPv4 header, whose place is kept, to what is behind it. */
const behindQuote4: readonly BpfInstruction[] = [
  stmt(BPF_LD | BPF_B | BPF_IND, 0),
  ...headerBytes,
  stmt(BPF_LD | BPF_MEM, QUOTE),
  stmt(BPF_ALU | BPF_ADD | BPF_X, 0),
  stmt(BPF_MISC | BPF_TAX, 0),
];

/** The hash of an address whose words begin at a fixed offset. */
function mixAddress(rule: SteeringRule, masks: readonly number[], offset: number): Line[] {
  return mixWords(rule, masks, (i) => stmt(BPF_LD | BPF_W | BPF_ABS, offset + i));
}

/** @param load how the word so many bytes into the address is loaded; leaves X as it is */
function mixWords(
  rule: SteeringRule,
  masks: readonly number[],
  load: (bytes: number) => BpfInstruction,
): Line[] {
  return [
    stmt(BPF_LD | BPF_IMM, rule.key >>> 0),
    ...masks.flatMap((mask, i) =>
      mix(load(4 * i), ...(mask === -1 ? [] : [stmt(BPF_ALU | BPF_AND | BPF_K, mask >>> 0)]))
    ),
  ];
}

/** One step of the hash in A, with the word that `load` loads. X is kept. */
function mix(...load: readonly BpfInstruction[]): Line[] {
  return [
    stmt(BPF_ST, HASH),
    ...load,
    // A ^ M[HASH]: the machine computes with X alone, which is kept meanwhile.
    stmt(BPF_ST, WORD),
    stmt(BPF_MISC | BPF_TXA, 0),
    stmt(BPF_ST, KEPT_X),
    stmt(BPF_LD | BPF_MEM, WORD),
    stmt(BPF_MISC | BPF_TAX, 0),
    stmt(BPF_LD | BPF_MEM, HASH),
    stmt(BPF_ALU | BPF_XOR | BPF_X, 0),
    stmt(BPF_ALU | BPF_MUL | BPF_K, STEERING_MULTIPLIER),
    stmt(BPF_MISC | BPF_TAX, 0),
    stmt(BPF_ALU | BPF_RSH | BPF_K, STEERING_SHIFT),
    stmt(BPF_ALU | BPF_XOR | BPF_X, 0),
    stmt(BPF_ST, HASH),
    stmt(BPF_LD | BPF_MEM, KEPT_X),
    stmt(BPF_MISC | BPF_TAX, 0),
    stmt(BPF_LD | BPF_MEM, HASH),
  ];
}
const WORD = 2;
const KEPT_X = 3;

/** Jumps when A compares so with `k`. Conditional jumps reach 255 instructions, unconditional ones any. */
function when(comparison: number, k: number, label: string): Line[] {
  return [jump(BPF_JMP | comparison | BPF_K, k, { jt: 0, jf: 1 }), { to: label }];
}

/** Jumps when the address at `offset` is in the prefix. */
function whenIn(prefix: Prefix, offset: number, label: string): Line[] {
  return [...takeWhenIn(prefix, offset).slice(0, -1), { to: label }];
}

function assemble(lines: readonly Line[]): BpfInstruction[] {
  const places = new Map<string, number>();
  let count = 0;
  for (const line of lines) {
    if ("label" in line) places.set(line.label, count);
    else count++;
  }
  let at = 0;
  return lines.flatMap((line) => {
    if ("label" in line) return [];
    at++;
    if (!("to" in line)) return [line];
    const place = places.get(line.to)!;
    // The machine jumps forward only: "anybody", which is the answer 0, is the one place before others.
    return [place >= at ? stmt(BPF_JMP | BPF_JA, place - at) : stmt(BPF_RET | BPF_K, 0)];
  });
}
