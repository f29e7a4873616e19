/**
 * Requirements that no case shows: which test does, or why there is none. Requirements are numbered as in the cases: R by
 * RFC clause, B what the bypass could break, M malformed packets.
 */

/** `file` “name of a test”, or a reason. */
export const ELSEWHERE: Readonly<Record<string, string>> = {
  "R-005": "port parity is not kept (RFC 7857, 8)",
  "R-009":
    "an address that exists on both sides is a matter of the servers' routes; there is no setting for it yet",
  "R-024": "sessions that expire are not reset; a later packet of theirs is, see R-026",
  "R-032": "there are no query sessions: VIPs answer echo requests themselves",
  "R-041":
    "`lib/nat/icmp_translator_test.ts` “a server that is a client of the VIP gets its errors as one (RFC 5508, REQ-7)”",
  "R-046": "a whole download through a small path: tests/conformance/path_mtu_test.ts",
  "R-049": "not there: no limits per client; see docs/rfc-compliance.md, RFC 6888 REQ-4",
  "R-050":
    "`tests/claims/c8_stop_test.ts` “C8: stop and start, by each of their targets, switch one download”",
  "R-052": "`lib/inspect/process_test.ts` “ten thousand sessions are one JSON document”",
  "R-054": "nothing is logged per packet; a session is two events",
  "R-066": "see R-072",
  "R-067": "see R-031 and R-041",
  "R-071": "`lib/wire/checksum_test.ts` “update16() is equation 3 of RFC 1624, not equation 2”",
  "R-076":
    "`tests/conformance/announce_test.ts` “VIPs and SNAT addresses on the link are found while the NAT machine runs”",
  "R-083": "`lib/nat/replies_test.ts` “answers are limited, for each address and for all”",
  "R-084":
    "`lib/wire/answers_test.ts` “buildIcmpError() quotes no more than the RFCs allow, and carries the MTU”",
  "R-095": "not there: MSS is never clamped; see R-092 for what makes path MTU discovery work",
  "R-097":
    "`lib/agent/direct_translator_test.ts` “an instruction is used as long as its lease, its next hop and the link allow, and no longer”",
  "R-113": "errors that pass never grow; RFC 4884 asks senders, not translators",
  "R-115":
    "`lib/session/port_pool_test.ts` “the first port comes from the random number, not from the start of the range”",
  "R-117":
    "SNAT addresses and VIPs are no addresses of the host: `lib/nat/preflight_test.ts` “what the configuration needs of the host is told for both families”",
  "R-123": "see R-051: a NAT endpoint rests longer than a server's TIME-WAIT",
  "R-133": "the control channel is TLS over TCP, not UDP",
  "R-140":
    "not there: no probe of the way from server to client; docs say what the network has to allow",
  "R-141": "a matter of the routers between; not ours to show",
  "R-142":
    "`lib/agent/capture_test.ts`: an agent under strict reverse-path filtering says that it is not able",
  "R-143": "not there: see R-140",
  "R-144": "not there: see R-140",
  "R-150": "no translation between IPv4 and IPv6",
  "R-151": "no translation between IPv4 and IPv6",
  "R-152": "no translation between IPv4 and IPv6",

  "B-03":
    "sequence numbers are never enforced: `tests/claims/c8_stop_test.ts` “C8: stop in the middle of a download: the rest flows via NAT”",
  "B-05":
    "`lib/nat/instruction_book_test.ts` “every report is granted, and counters only go forward”",
  "B-06": "not there: a switch may reorder once; lab scenario switches-tcp counts it",
  "B-07": "lab scenarios switches-tcp and switches-udp: hundreds of switches, no byte lost",
  "B-08": "every step of every case counts what comes out, on both ways",
  "B-09": "nothing but endpoints, TTL and checksums changes: every case",
  "B-10":
    "`tests/claims/c7_rewrite_test.ts` “C7: TCP packets of all kinds keep every other bit, by agent and by NAT”",
  "B-11": "see R-075",
  "B-14": "see R-072 and B-38: fragments leave by the NAT machine alone",
  "B-16": "not there: no probe; a server's own packet filter is its owner's affair",
  "B-17":
    "the host's kernel is silent for VIPs and SNAT addresses: `lib/nat/host_routes_test.ts` “the host drops packets for VIPs and SNAT addresses, of both families”; malformed IP options it answers all the same, see M-020",
  "B-18": "lab scenario agent-killed",
  "B-19": "VIPs are on no server",
  "B-20": "see R-140 to R-144",
  "B-21":
    "`tests/faults/instructions_test.ts`: losses, duplicates, reorderings and restarts, and never another session's packet",
  "B-23":
    "`lib/nat/instruction_book_test.ts` “a new instance of the agent holds nothing of what the old one held”",
  "B-24":
    "`lib/nat/instruction_book_test.ts` “what belongs to another epoch is returned for rebuilding, and nothing is sent about it”",
  "B-25": "one NAT machine is what this version has",
  "B-26": "`tests/faults/instructions_test.ts`",
  "B-27":
    "`lib/nat/instruction_book_test.ts` “without answers an instruction ends with its lease and the margin, connected or not”",
  "B-28":
    "`lib/nat/instruction_book_test.ts` “a refusal ends the instruction, with the agent's reason”",
  "B-29": "`lib/agent/instruction_rules_test.ts`: what an agent takes from a NAT machine",
  "B-30": "the service manager's watchdog; not shown in a test",
  "B-31": "not there: an agent that is too slow does not turn itself off",
  "B-32":
    "`lib/nat/translator_test.ts` “bytes cross once, only when established, and the slot is held”",
  "B-33":
    "`lib/nat/bypass_control_test.ts` “another configuration says of each session what the criteria say now”",
  "B-34": "one NAT machine is what this version has",
  "B-36": "`tests/claims/c6_instructions_test.ts`",
  "B-37": "no byte is added to any packet: every case",
  "B-39": "the agent's route takes packets whatever the interface; not shown in a test",
  "B-40": "an agent runs in the network namespace of its server",

  "M-047": "`lib/session/fragment_model_test.ts`: datagrams of any size, in any order",
  "M-048": "a packet longer than its slot is counted as truncated; no link of the lab carries one",
  "M-083": "`lib/wire/virtio_net_header_test.ts`; the kernel refuses to send such a frame",
  "M-084": "the tun device is opened without packet information",
};

/** How many there are of each letter. */
export const CATALOGUE: readonly string[] = [
  ...numbers("R", [[1, 16], [20, 55], [60, 67], [70, 77], [80, 97], [100, 117], [120, 125]]),
  ...numbers("R", [[130, 133], [140, 144], [150, 152]]),
  ...numbers("B", [[1, 40]]),
  ...numbers("M", [[1, 84]]),
];

function numbers(letter: string, ranges: readonly (readonly [number, number])[]): string[] {
  const digits = letter === "B" ? 2 : 3;
  return ranges.flatMap(([from, to]) =>
    Array.from(
      { length: to - from + 1 },
      (_, i) => `${letter}-${`${from + i}`.padStart(digits, "0")}`,
    )
  );
}
