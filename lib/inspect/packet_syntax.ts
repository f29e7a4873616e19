/**
 * The packet that `inspect explain` is asked about, as one writes it down:
 * `tcp 198.51.100.2:40000 > 203.0.113.10:80`, `udp [2001:db8:c::2]:5000 > [2001:db8:f::10]:53`, with
 * `fragment` behind it a fragment of such a packet; `icmp 198.51.100.2 > 203.0.113.10` an echo request, and
 * `icmp 192.0.2.1 > 203.0.113.10 about tcp 203.0.113.10:80 > 198.51.100.2:40000` an error.
 *
 * @module
 */
import { AdminError } from "../control/admin_protocol.ts";
import { type Endpoint, formatEndpoint, IpAddress, parseEndpoint } from "../wire/address.ts";

/** A packet as the daemons take it. */
export interface AskedPacket {
  readonly protocol: "tcp" | "udp" | "icmp";
  /** Endpoints; of ICMP addresses. */
  readonly source: string;
  readonly destination: string;
  /** Of TCP and UDP: it is a fragment. */
  readonly fragment?: boolean;
  /** Of ICMP: an error about this packet; absent: an echo request. */
  readonly about?: AskedPacket;
}

const EXAMPLE = 'such as "tcp 198.51.100.2:40000 > 203.0.113.10:80"';
const FORM = "need PROTOCOL SOURCE:PORT > DESTINATION:PORT";

/** Reads a packet. @throws {AdminError} saying which part is wrong */
export function parsePacket(text: string): AskedPacket {
  const parts = /^\s*(\S+)\s+(\S+?)\s*>\s*(\S+)(?:\s+(\S.*?))?\s*$/.exec(text);
  if (parts === null) throw wrong(text, `${FORM}, ${EXAMPLE}`);
  const [, name, sourceText, destinationText, rest] = parts as unknown as [
    string,
    string,
    string,
    string,
    string | undefined,
  ];
  const protocol = name.toLowerCase();
  if (protocol === "icmp") return icmpPacket(text, sourceText, destinationText, rest);
  if (protocol !== "tcp" && protocol !== "udp") {
    throw wrong(text, `"${name}" is not tcp, udp or icmp`);
  }
  const source = endpointOf(text, "source", sourceText);
  const destination = endpointOf(text, "destination", destinationText);
  checkFamilies(text, source.address, destination.address);
  if (rest !== undefined && rest !== "fragment") {
    throw wrong(text, `"${rest}" is one too many, there is only fragment`);
  }
  return {
    protocol,
    source: formatEndpoint(source),
    destination: formatEndpoint(destination),
    ...(rest === "fragment" && { fragment: true }),
  };
}

function icmpPacket(
  text: string,
  sourceText: string,
  destinationText: string,
  rest: string | undefined,
): AskedPacket {
  const source = addressOf(text, "source", sourceText);
  const destination = addressOf(text, "destination", destinationText);
  checkFamilies(text, source, destination);
  const packet = {
    protocol: "icmp" as const,
    source: String(source),
    destination: String(destination),
  };
  if (rest === undefined) return packet;
  const quoted = /^about\s+(.+)$/.exec(rest);
  const about = quoted === null ? null : parsePacket(quoted[1]!);
  if (about === null || about.protocol === "icmp") {
    throw wrong(
      text,
      'need icmp SOURCE > DESTINATION, or that with "about" and a tcp or udp packet',
    );
  }
  return { ...packet, about };
}

function checkFamilies(text: string, source: IpAddress, destination: IpAddress): void {
  if (source.family !== destination.family) {
    throw wrong(text, "one address is IPv4, the other IPv6");
  }
}

function addressOf(text: string, which: string, part: string): IpAddress {
  try {
    return IpAddress.parse(part);
  } catch {
    throw wrong(text, `its ${which} "${part}" is no address, which ICMP needs`);
  }
}

function endpointOf(text: string, which: string, part: string): Endpoint {
  try {
    return parseEndpoint(part);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const need = part.split(":").length > 2
      ? "need [IPv6 ADDRESS]:PORT, port up to 65535"
      : "need ADDRESS:PORT, port up to 65535";
    throw wrong(text, `its ${which} "${part}" is no endpoint, ${need}`);
  }
}

function wrong(text: string, why: string): AdminError {
  return new AdminError(`Cannot read "${text}" as a packet: ${why}`, 2);
}
