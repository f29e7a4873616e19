/**
 * The packet that `inspect explain` is asked about, as one writes it down:
 * `tcp 198.51.100.2:40000 > 203.0.113.10:80`, `udp [2001:db8:c::2]:5000 > [2001:db8:f::10]:53`.
 *
 * @module
 */
import { AdminError } from "../control/admin_protocol.ts";
import { type Endpoint, formatEndpoint, parseEndpoint } from "../wire/address.ts";

/** A packet as the daemons take it. */
export interface AskedPacket {
  readonly protocol: "tcp" | "udp";
  readonly source: string;
  readonly destination: string;
}

const EXAMPLE = 'such as "tcp 198.51.100.2:40000 > 203.0.113.10:80"';

/** Reads a packet. @throws {AdminError} saying which part is wrong */
export function parsePacket(text: string): AskedPacket {
  const parts = /^\s*(\S+)\s+(\S+?)\s*>\s*(\S+)\s*$/.exec(text);
  if (parts === null) {
    throw wrong(text, `need PROTOCOL SOURCE:PORT > DESTINATION:PORT, ${EXAMPLE}`);
  }
  const protocol = parts[1]!.toLowerCase();
  if (protocol !== "tcp" && protocol !== "udp") {
    throw wrong(text, `"${parts[1]}" is not tcp or udp, only these have sessions`);
  }
  const source = endpointOf(text, "source", parts[2]!);
  const destination = endpointOf(text, "destination", parts[3]!);
  if (source.address.family !== destination.address.family) {
    throw wrong(text, "one address is IPv4, the other IPv6");
  }
  return {
    protocol,
    source: formatEndpoint(source),
    destination: formatEndpoint(destination),
  };
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
