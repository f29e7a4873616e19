/**
 * Which endpoints are meant: `ADDRESS`, `PREFIX/LENGTH`, `ADDRESS:PORT`, `[IPv6 ADDRESS]:PORT` or `:PORT`.
 *
 * @module
 */

import { isMapped, parseEndpoint } from "./address.ts";
import { parsePrefix, type Prefix } from "./prefix.ts";

/** Tells whether endpoints are the ones looked for. */
export class EndpointFilter {
  readonly #family: 4 | 6 | null;
  readonly #network: Int32Array;
  readonly #mask: Int32Array;
  readonly #port: number | null;

  /** Null for any network, null for any port. */
  constructor(prefix: Prefix | null, port: number | null) {
    this.#family = prefix === null ? null : prefix.address.family;
    this.#network = prefix === null ? new Int32Array(4) : prefix.address.words;
    this.#mask = prefix === null ? new Int32Array(4) : maskOf(prefix);
    this.#port = port;
  }

  /** Of an address in four words that begin at `offset`. */
  matchesWords(words: Int32Array, offset: number, port: number): boolean {
    if (this.#port !== null && port !== this.#port) return false;
    for (let i = 0; i < 4; i++) {
      if (((words[offset + i]! ^ this.#network[i]!) & this.#mask[i]!) !== 0) return false;
    }
    // An IPv4 address is held in its mapped form, which `::/0` would take in.
    return this.#family !== 6 ||
      !isMapped(words[offset]!, words[offset + 1]!, words[offset + 2]!);
  }

  /** Of an endpoint in text. */
  matches(endpoint: string): boolean {
    const { address, port } = parseEndpoint(endpoint);
    return this.matchesWords(address.words, 0, port);
  }
}

/** @throws {SyntaxError} when it is none of the forms above */
export function readEndpointFilter(text: string): EndpointFilter {
  const port = /^:(\d{1,5})$/.exec(text);
  if (port !== null) return new EndpointFilter(null, parseEndpoint(`0.0.0.0${text}`).port);
  if (/^([^:]*|\[.*\]):\d+$/.test(text)) {
    const endpoint = parseEndpoint(text);
    return new EndpointFilter(parsePrefix(String(endpoint.address)), endpoint.port);
  }
  return new EndpointFilter(parsePrefix(text.replace(/^\[(.*)\]$/, "$1")), null);
}

/** Ones where the prefix decides. */
function maskOf({ address, length }: Prefix): Int32Array {
  const bits = address.family === 4 ? length + 96 : length;
  const mask = new Int32Array(4);
  for (let i = 0; i < 4; i++) {
    const ones = Math.min(32, Math.max(0, bits - 32 * i));
    mask[i] = ones === 0 ? 0 : -1 << (32 - ones);
  }
  return mask;
}
