import { RECORD_BYTES, U16 } from "../session/layout.ts";
import type { SessionRecords } from "../session/session_records.ts";
import type { EndpointFilter } from "../wire/endpoint_filter.ts";
import { parseEndpointFilter } from "./endpoint_filter.ts";

/**
 * What `top` takes as a filter: words that must all be true of a session. A word is an address, a prefix,
 * an endpoint or `:port`, of the client or of the server, or a part of the service's name.
 */
export function topFilter(
  text: string,
  records: SessionRecords,
  serviceOf: (slot: number) => string,
): (slot: number) => boolean {
  const words = text.split(/\s+/).filter((word) => word !== "").map((word) => {
    const endpoint = endpointIn(word);
    if (endpoint === null) return (slot: number) => serviceOf(slot).includes(word);
    return (slot: number) => {
      const port = records.getU16(slot, U16.clientPort);
      if (endpoint.matchesWords(records.i32, slot * (RECORD_BYTES / 4), port)) return true;
      const server = records.getU16(slot, U16.server);
      return endpoint.matchesWords(records.dictionary, server * 8, records.dictionaryPort(server));
    };
  });
  return (slot) => words.every((isTrue) => isTrue(slot));
}

/** A word as an endpoint, or null when it is none. */
export function endpointIn(word: string): EndpointFilter | null {
  try {
    return parseEndpointFilter("client", word);
  } catch {
    return null;
  }
}
