import { mustRunHost } from "../../../lab/host_command.ts";

/** Makes tshark verify what it leaves alone by default. */
const VERIFY = ["ip", "tcp", "udp"].flatMap((name) => ["-o", `${name}.check_checksum:TRUE`]);

/**
 * Random content that a capture missed the beginning of is read as headers, and complained about:
 * what the packets carry is judged by who receives it.
 */
const IGNORE = ["--disable-protocol", "http"];

const PROTOCOLS = ["ip", "tcp", "udp", "icmp", "icmpv6"] as const;
/** Values of `PROTOCOL.checksum.status`; others: not verified, absent. */
const BAD = "0";
const GOOD = "1";

/** Fields that are there only when something is wrong with a packet. */
const COMPLAINTS = [
  "_ws.malformed",
  "_ws.unreassembled",
  "ip.fragment.error",
  "ip.fragment.overlap",
  "ip.fragment.toolongfragment",
  "ipv6.fragment.error",
  "ipv6.fragment.overlap",
];
/** The highest severity of an expert's remark. */
const SEVERITY_ERROR = `${0x0080_0000}`;

export interface Verdict {
  readonly packets: number;
  /** Packets of which tshark computed the checksum and found it right, by protocol. */
  readonly good: Readonly<Record<typeof PROTOCOLS[number], number>>;
  /** A line for each packet that something is wrong with: its number and what tshark says. */
  readonly complaints: readonly string[];
}

/**
 * The kernel sends a checksum that comes out as 0 as 0xffff, not for UDP alone (skb_checksum_help,
 * CSUM_MANGLED_0): one segment of 65,536, and right either way.
 */
const MANGLED_ZERO = "Checksum 0xffff instead of 0x0000";

/** Has tshark read a capture. A packet that another one quotes is judged with it. */
export async function judge(file: string): Promise<Verdict> {
  const statuses = PROTOCOLS.map((name) => `${name}.checksum.status`);
  const fields = [...statuses, "_ws.expert.severity", "_ws.expert.message", ...COMPLAINTS];
  const lines = await tshark(file, [
    ...["-T", "fields", "-E", "separator=/t"],
    ...fields.flatMap((name) => ["-e", name]),
  ]);
  const good = { ip: 0, tcp: 0, udp: 0, icmp: 0, icmpv6: 0 };
  const complaints: string[] = [];
  for (const [i, line] of lines.entries()) {
    if (line.includes(MANGLED_ZERO)) continue;
    const values = line.split("\t");
    const checksums = values.slice(0, PROTOCOLS.length).map((value) => value.split(","));
    const [severity = "", , ...wrong] = values.slice(PROTOCOLS.length);
    checksums.forEach((found, j) => {
      if (found.includes(GOOD)) good[PROTOCOLS[j]!]++;
    });
    if (
      checksums.some((found) => found.includes(BAD)) ||
      severity.split(",").includes(SEVERITY_ERROR) ||
      wrong.some((value) => value !== "")
    ) complaints.push(`packet ${i + 1}: ${line}`);
  }
  return { packets: lines.length, good, complaints };
}

/** How many packets of a capture a display filter selects. */
export async function count(file: string, filter: string): Promise<number> {
  return (await tshark(file, ["-Y", filter])).length;
}

async function tshark(file: string, args: readonly string[]): Promise<string[]> {
  const text = await mustRunHost(["tshark", "-n", "-r", file, ...VERIFY, ...IGNORE, ...args]);
  return text.split("\n").slice(0, -1);
}
