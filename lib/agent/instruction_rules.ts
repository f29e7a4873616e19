/**
 * What an agent lets a NAT machine tell it: instructions about its own servers, with the SNAT addresses and services that
 * were announced, to clients that could be clients. Pure.
 *
 * @module
 */

import type { Announcement, Instruction } from "../control/messages.ts";
import { type Endpoint, formatEndpoint, IpAddress, parseEndpoint } from "../wire/address.ts";
import { type AddressRange, parsePrefix, type Prefix, rangeContains } from "../wire/prefix.ts";
import { contains } from "../wire/prefix.ts";

/** An instruction with its endpoints read. */
export interface ParsedInstruction {
  readonly session: string;
  readonly generation: number;
  readonly protocol: "tcp" | "udp";
  readonly match: { readonly source: Endpoint; readonly destination: Endpoint };
  readonly rewrite: { readonly source: Endpoint; readonly destination: Endpoint };
  /** TCP: the largest IP packet that reaches the client, in bytes; 0: not known. */
  readonly pathMtu: number;
}

/**
 * Reads the endpoints of an instruction.
 *
 * @throws SyntaxError when one is none, has port 0, or the families differ
 */
export function parseInstruction(instruction: Instruction): ParsedInstruction {
  const { session, generation, protocol, pathMtu = 0 } = instruction;
  const match = parsePair(instruction.match);
  const rewrite = parsePair(instruction.rewrite);
  if (match.source.address.family !== rewrite.source.address.family) {
    throw new SyntaxError(
      "Cannot use the instruction: match and rewrite are of different families",
    );
  }
  return { session, generation, protocol, match, rewrite, pathMtu };
}

/** What a response packet shows: the same text for the same packets, and for no others. */
export function matchKey(instruction: ParsedInstruction): string {
  const { protocol, match } = instruction;
  return `${protocol} ${formatEndpoint(match.source)} ${formatEndpoint(match.destination)}`;
}

/** What one NAT machine has announced, ready to be asked. */
export class InstructionRules {
  readonly #own: ReadonlySet<string>;
  readonly #snat: readonly AddressRange[];
  readonly #ports: Announcement["ports"];
  readonly #services: ReadonlySet<string>;

  /**
   * `ownAddresses`: those of the agent's certificate.
   *
   * @throws SyntaxError when the announcement has an address or endpoint that is none
   */
  constructor(announced: Announcement, ownAddresses: readonly string[]) {
    this.#own = new Set(ownAddresses);
    this.#snat = announced.snat.map(({ first, last }) => ({
      first: IpAddress.parse(first),
      last: IpAddress.parse(last),
    }));
    this.#ports = announced.ports;
    this.#services = new Set(
      announced.services.map(({ protocol, vip }) =>
        `${protocol} ${formatEndpoint(parseEndpoint(vip))}`
      ),
    );
  }

  /** Why the instruction is not allowed, or null. */
  problem(instruction: ParsedInstruction): string | null {
    const { protocol, match, rewrite } = instruction;
    const server = String(match.source.address);
    const vip = formatEndpoint(rewrite.source);
    const client = rewrite.destination.address;
    if (!this.#own.has(server)) return `${server} is not an address of this agent`;
    if (!this.#isSnat(match.destination)) {
      return `${formatEndpoint(match.destination)} was not announced as a SNAT endpoint`;
    }
    if (!this.#services.has(`${protocol} ${vip}`)) {
      return `${protocol} ${vip} was not announced as a service`;
    }
    if (this.#own.has(String(client))) return `${client} is an address of this agent`;
    if (this.#snat.some((range) => rangeContains(range, client))) {
      return `${client} is a SNAT address`;
    }
    if (NEVER_CLIENTS.some((prefix) => contains(prefix, client))) {
      return `${client} cannot be a client's address`;
    }
    return null;
  }

  #isSnat({ address, port }: Endpoint): boolean {
    return port >= this.#ports.first && port <= this.#ports.last &&
      this.#snat.some((range) => rangeContains(range, address));
  }
}

/** RFC 6890: this host, loopback, link-local, multicast, reserved and broadcast. */
const NEVER_CLIENTS: readonly Prefix[] = [
  "0.0.0.0/8",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "224.0.0.0/4",
  "240.0.0.0/4",
  "::/127",
  "fe80::/10",
  "ff00::/8",
].map(parsePrefix);

function parsePair(
  pair: { source: string; destination: string },
): { source: Endpoint; destination: Endpoint } {
  const source = parseEndpoint(pair.source);
  const destination = parseEndpoint(pair.destination);
  if (source.port === 0 || destination.port === 0) {
    throw new SyntaxError("Cannot use the instruction: port 0");
  }
  if (source.address.family !== destination.address.family) {
    throw new SyntaxError(
      `Cannot use the instruction: ${pair.source} and ${pair.destination} are of different families`,
    );
  }
  return { source, destination };
}
