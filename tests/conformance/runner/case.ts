/**
 * What a conformance case is: data, to be read beside the RFC.
 *
 * ```text
 *    client side              the NAT machine, pure or as a daemon            server side
 *
 *    C:40000 -> VIP:80   ------------------- "C>VIP" to "P>S" ----------->   P:20001 -> S1:8080
 *    VIP:80 -> C:40000   <------------------ "S>P" to "VIP>C" ------------   S1:8080 -> P:20001
 *    VIP:80 -> C:40000   <-- the agent on S1, once it has an instruction --
 * ```
 *
 * A flow has four legs, named by what its packets show. A packet is described by its flow, its leg and
 * what is special about it. Flows are named after their transport and their client: `T1`, `T2` are TCP
 * connections of clients C and C2, `U1`, `U2` UDP. Addresses have names too, see `names.ts`.
 */

export type Leg = "C>VIP" | "P>S" | "S>P" | "VIP>C";
export type Family = 4 | 6;

/**
 * How responses go from the moment at which a case says `bypass`: by way of the NAT machine, or from the
 * server's agent directly.
 */
export type Way = "nat" | "bypass";

/** A flow of a case: `protocol client -> VIP:port`. */
export interface Flow {
  readonly protocol: "tcp" | "udp";
  /** `C:40000`. */
  readonly client: string;
  /** `VIP:80`; what the lab and the pure world serve there is in `services.ts`. */
  readonly vip: string;
}

/** A packet. What is not said is ordinary; what is said is built, right or wrong. */
export interface PacketSpec {
  readonly flow?: string;
  /** Default: `C>VIP` from the client's side, `S>P` from the server's. */
  readonly leg?: Leg;
  /** In place of the leg's: an endpoint (`C:40001`, `T1.nat`), or an address for ICMP and other protocols. */
  readonly source?: string;
  readonly destination?: string;

  /** TCP flags, `SYN ACK`; default of a TCP flow: `ACK`. `NULL`: none. `AE`, `R1`, `R2`: reserved bits. */
  readonly tcp?: string;
  readonly sequence?: number;
  readonly acknowledgement?: number;
  readonly window?: number;
  readonly urgent?: number;
  /** Hexadecimal, filled up with NOP. */
  readonly tcpOptions?: string;
  /** In 32-bit words; default: what it is. */
  readonly dataOffset?: number;
  /** Default: what it is. */
  readonly udpLength?: number;
  readonly icmp?: IcmpSpec;
  /** Another protocol above IP, whose bytes are the payload. */
  readonly protocol?: number;
  /** So many bytes of a pattern, or hexadecimal. Default: none. */
  readonly payload?: number | string;
  /**
   * `wrong`: one too small. `zero`: 0. `partial`: the pseudo-header's sum alone, as the kernel leaves it to a
   * device. `zero behind the NAT`: the payload's last two bytes are such that the sum on the other side is 0.
   */
  readonly checksum?: "wrong" | "zero" | "partial" | "zero behind the NAT";

  readonly ttl?: number;
  readonly trafficClass?: number;
  readonly flowLabel?: number;
  readonly id?: number;
  /** IPv4 flags; default: DF alone. */
  readonly flags?: string;
  /** In bytes; the payload is what it says then. */
  readonly fragmentOffset?: number;
  /** IPv4 options, hexadecimal, filled up with 0. */
  readonly ipOptions?: string;
  /** IPv6 extension headers: `[type, hexadecimal of the header from its length byte on]`. */
  readonly extensions?: readonly (readonly [type: number, rest: string])[];
  /** One fragment of the datagram that all the rest describes. */
  readonly fragment?: FragmentSpec;

  /** Lies of the IP header. */
  readonly version?: number;
  readonly headerWords?: number;
  readonly totalLength?: number;
  readonly headerChecksum?: "wrong" | number;
  /** Only so many bytes of the packet are there. */
  readonly cut?: number;
  /** So many bytes of 0xff follow, as an Ethernet card pads. */
  readonly padding?: number;
  /** Where the frame goes; default: to the machine. */
  readonly mac?: "broadcast" | "multicast" | "another machine";
  readonly etherType?: number;
  /** Bytes between the MAC addresses and the EtherType, such as a VLAN tag; hexadecimal. */
  readonly tag?: string;
}

export interface FragmentSpec {
  readonly from: number;
  /** Default: all the rest; then it is the last. */
  readonly bytes?: number;
  /** Default: whether there is more. */
  readonly more?: boolean;
  readonly id: number;
}

export interface IcmpSpec {
  readonly type: number;
  readonly code?: number;
  /** Bytes 4-7 as one number. */
  readonly rest?: number;
  /** The MTU of "too big". */
  readonly mtu?: number;
  /** The packet that an error is about. */
  readonly quote?: QuoteSpec;
  /** Follows the quote: RFC 4884 extensions; hexadecimal. */
  readonly extension?: string;
  /** RFC 4884's length of the quote, in its own units. */
  readonly length?: number;
}

export interface QuoteSpec extends PacketSpec {
  readonly leg: Leg;
  /** Only so many bytes of it. Default: all. */
  readonly quoted?: number;
  /** Filled up with zeros to so many bytes. */
  readonly padTo?: number;
}

/**
 * How the NAT machine is configured: `ordinary`, see `setup.ts`; `tiny`: one SNAT address with four ports, so
 * that they run out; `silent`: it answers nobody.
 */
export type SetupName = "ordinary" | "tiny" | "silent";

/** Fields that may differ from what is expected, and why. */
export type MayDiffer = Readonly<Partial<Record<FieldName, string>>>;
export type FieldName =
  | "identification"
  | "ttl"
  | "window"
  | "trafficClass"
  | "flags"
  | "quote"
  | "flowLabel";

/** What comes out for one packet that goes in. */
export type Expectation =
  /** The same packet on the other side, translated, and nothing else. */
  | "translated"
  | { readonly translated: TranslationDetails }
  /** Nothing, and it is counted under this reason. */
  | { readonly dropped: string; readonly answer?: AnswerSpec; readonly lab?: "not taken" }
  /** Nothing, and it is counted as served. */
  | "consumed"
  /** Nothing yet: a fragment that waits for the first one. */
  | "held"
  /** A packet back to where it came from, and it is counted as served. */
  | { readonly answer: AnswerSpec }
  /** These packets on the other side. */
  | { readonly out: readonly OutSpec[] };

export interface TranslationDetails {
  /**
   * `nat`: the agent hands it to the NAT machine though there is an instruction; `either`: the instruction may be
   * withdrawn already. Default: by the agent, when a `bypass` step was there.
   */
  readonly by?: "nat" | "either";
  /** It leaves as a super-packet, to be cut into segments with so much payload. */
  readonly segmentBytes?: number;
  readonly mayDiffer?: MayDiffer;
  /** Held packets that leave with this one: indices of earlier steps, in the order in which they leave. */
  readonly andHeld?: readonly number[];
}

export interface AnswerSpec {
  readonly packet: PacketSpec;
  readonly mayDiffer?: MayDiffer;
}

export interface OutSpec extends AnswerSpec {
  readonly side: "client" | "server";
}

export type TimeoutName =
  | "tcpOpening"
  | "tcpEstablished"
  | "tcpClosing"
  | "udpOpening"
  | "udp"
  | "quarantine"
  | "heldFragment";

export type Step =
  /** From the network on the client's side. */
  | { readonly client: PacketSpec; readonly expect: Expectation }
  /** From S1; in a case by way of the agent: by S1's kernel, to the agent. */
  | { readonly server: PacketSpec; readonly from?: "S1" | "S2"; readonly expect: Expectation }
  /** A whole handshake, every packet of it translated. */
  | { readonly open: string }
  /** A datagram and its response. */
  | { readonly exchange: string }
  /** From here on the responses of this flow are sent directly, in a case by way of the agent. */
  | { readonly bypass: string }
  /** The sessions of this flow, as `inspect` shows them: `none`, or the state of the one. */
  | { readonly session: string; readonly is: string }
  /** Two flows have the same NAT endpoint or server, or not. */
  | {
    readonly compare: readonly [string, string];
    readonly natEndpoint?: "same" | "different";
    readonly natAddress?: "same" | "different";
    readonly servers?: "same" | "different";
  }
  /** Nothing happens, for nearly as long as the timeout, or a little longer. */
  | { readonly idle: TimeoutName; readonly until: "just before" | "just after" };

export interface Case {
  /** Requirements of the catalogue, such as `R-073`. */
  readonly ids: readonly string[];
  /** `RFC 768`, with the section. */
  readonly clause: string;
  /** A sentence that states the behaviour. */
  readonly shows: string;
  /** Default: both where a bypass step is there, else `nat`. */
  readonly ways?: readonly Way[];
  /** Default: IPv4 alone. */
  readonly families?: readonly Family[];
  /** Beside those of `names.ts`. */
  readonly flows?: Readonly<Record<string, Flow>>;
  /** Default: `ordinary`. */
  readonly setup?: SetupName;
  readonly steps: readonly Step[];
  /** Why it cannot be shown in one of the worlds. */
  readonly notPure?: string;
  readonly notInLab?: string;
}

/** The ways on which a case is run. */
export function waysOf(it: Case): readonly Way[] {
  return it.ways ?? (it.steps.some((step) => "bypass" in step) ? ["nat", "bypass"] : ["nat"]);
}

export function familiesOf(it: Case): readonly Family[] {
  return it.families ?? [4];
}

/** One run of a case, as its test is named. */
export function titleOf(it: Case, way: Way, family: Family): string {
  const bypass = way === "bypass" ? ", with bypass" : "";
  return `${it.ids.join(" ")}: ${it.shows} (IPv${family}${bypass})`;
}
