import type { Packet } from "../wire/packet.ts";
import { EndpointFilter, readEndpointFilter } from "../wire/endpoint_filter.ts";
import { DROP_REASONS } from "./drop_reason.ts";
import {
  type CaptureTest,
  type EndpointName,
  PROTOCOL_WORDS,
  reasonsNamed,
} from "./capture_filter.ts";

/** Where in `ends` each end of a session stands: four words and a port. */
export const END = { client: 0, vip: 5, nat: 10, server: 15 } as const;

/** What is known of the packet that a filter is asked about; one object for all of them. */
export class CaptureSubject {
  direction: "in" | "out" = "in";
  /** Nobody sent it to us. */
  own = false;
  /** Whether the fields of the packet below are valid. */
  isParsed = false;
  protocol = 0;
  /** As the packet shows them: source in words 0-3, destination in 4-7. */
  addresses: Int32Array = new Int32Array(8);
  sourcePort = 0;
  destinationPort = 0;
  /** Of its session or instruction; 0: none. */
  slot = 0;
  /** Of its session in the table; 0: none. */
  id = 0;
  fromClient = false;
  path: "nat" | "bypass" | null = null;
  /** A drop reason; 0: it was not dropped. */
  reason = 0;
  /** The ends of its session, see END; valid when there is a slot. */
  readonly ends = new Int32Array(20);

  /** Takes over what a packet says; a null one could not be parsed. */
  see(packet: Packet | null): void {
    this.isParsed = packet !== null;
    if (packet === null) return;
    this.protocol = packet.protocol;
    this.addresses = packet.addresses;
    this.sourcePort = packet.sourcePort;
    this.destinationPort = packet.destinationPort;
  }

  /** Forgets the session and the verdict. */
  clear(): void {
    this.slot = 0;
    this.id = 0;
    this.fromClient = false;
    this.path = null;
    this.reason = 0;
  }
}

/** Tells whether a packet is wanted; allocates nothing. */
export type CapturePredicate = (subject: CaptureSubject) => boolean;

/**
 * Makes a filter a function. Services and sessions must have been resolved: a packet thread knows neither.
 * @throws {TypeError} when they were not
 */
export function compileCaptureFilter(test: CaptureTest | null): CapturePredicate {
  if (test === null) return () => true;
  switch (test.op) {
    case "and": {
      const of = test.of.map(compileCaptureFilter);
      return (subject) => {
        for (let i = 0; i < of.length; i++) if (!of[i]!(subject)) return false;
        return true;
      };
    }
    case "or": {
      const of = test.of.map(compileCaptureFilter);
      return (subject) => {
        for (let i = 0; i < of.length; i++) if (of[i]!(subject)) return true;
        return false;
      };
    }
    case "not": {
      const of = compileCaptureFilter(test.of);
      return (subject) => !of(subject);
    }
    case "endpoint":
      return compileEndpoint(test.name, readEndpointFilter(test.endpoint));
    case "protocol": {
      const numbers: readonly number[] = PROTOCOL_WORDS[test.name];
      return ({ isParsed, protocol }) => isParsed && numbers.includes(protocol);
    }
    case "direction": {
      const { name } = test;
      if (name === "own") return ({ own }) => own;
      return ({ direction }) => direction === name;
    }
    case "path": {
      const wanted = test.path;
      return ({ path }) => path === wanted;
    }
    case "dropped": {
      const { reason: name } = test;
      if (name === null) return ({ reason }) => reason !== 0;
      const wanted = new Uint8Array(DROP_REASONS);
      for (const reason of reasonsNamed(name)) wanted[reason] = 1;
      return ({ reason }) => wanted[reason] === 1;
    }
    case "service":
    case "session":
      throw new TypeError(`Cannot test for a ${test.op} on a packet thread: not resolved`);
  }
}

function compileEndpoint(name: EndpointName, filter: EndpointFilter): CapturePredicate {
  const isOfPacket = ({ isParsed, addresses, sourcePort, destinationPort }: CaptureSubject) =>
    isParsed && (filter.matchesWords(addresses, 0, sourcePort) ||
      filter.matchesWords(addresses, 4, destinationPort));
  if (name === "host") return isOfPacket;
  const at = END[name];
  return (subject) =>
    subject.slot === 0
      // Which end is which is not known of a packet without a session.
      ? isOfPacket(subject)
      : filter.matchesWords(subject.ends, at, subject.ends[at + 4]!);
}
