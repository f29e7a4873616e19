import assert from "node:assert/strict";
import { U16 } from "../session/layout.ts";
import { buildPacket, type FrameOptions } from "../wire/build_frame.ts";
import { parseQuote, type Quote } from "../wire/icmp_quote.ts";
import { verifyL4 } from "../wire/l4_checksum.ts";
import { Packet } from "../wire/packet.ts";
import { Bench, config, endpoint, type Outcome, service, words } from "./_test_translator.ts";

export const SYN = 2, ACK = 16, FIN = 1;

/** One IP version's addresses, as text. */
export interface Net {
  readonly family: 4 | 6;
  readonly client: string;
  readonly vip: string;
  readonly router: string;
  readonly innerRouter: string;
  /** Types of ICMP. */
  readonly unreachable: number;
  readonly tooBig: readonly [type: number, code: number];
  readonly expired: number;
}

export const V4: Net = {
  family: 4,
  client: "198.51.100.2",
  vip: "203.0.113.10",
  router: "192.0.2.1",
  innerRouter: "10.0.0.254",
  unreachable: 3,
  tooBig: [3, 4],
  expired: 11,
};
export const V6: Net = {
  family: 6,
  client: "2001:db8:c::2",
  vip: "2001:db8:f::10",
  router: "2001:db8:2::1",
  innerRouter: "2001:db8:10::fe",
  unreachable: 1,
  tooBig: [2, 0],
  expired: 3,
};
export const NETS = [V4, V6];

export type Protocol = "tcp" | "udp";

export function at(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
export function hostOf(end: string): string {
  return end.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
}
/** `address:port` as a packet's ends are told, without brackets. */
export function plain(end: string): string {
  return end.replace(/[[\]]/g, "");
}

/** A session that is established, with 1000 bytes of response sent from sequence number 5000 on. */
export class Session {
  readonly bench: Bench;
  readonly net: Net;
  readonly protocol: Protocol;
  readonly client: string;
  readonly vip: string;
  readonly nat: string;
  readonly server: string;

  constructor(net: Net, protocol: Protocol) {
    const ip = (v4: string, v6: string) => words(net.family === 4 ? v4 : v6);
    const number = protocol === "tcp" ? 6 : 17;
    this.bench = new Bench({
      config: config({
        snat: [ip("10.0.1.1", "2001:db8:1::1")],
        services: [service({
          protocol: number,
          vip: { words: words(net.vip), port: 80 },
          servers: [{ words: ip("10.0.0.11", "2001:db8:10::11"), port: 8080, weight: 1 }],
        })],
      }),
    });
    this.net = net;
    this.protocol = protocol;
    this.client = at(net.client, 40000);
    this.vip = at(net.vip, 80);
    const first = this.fromClient({ flags: SYN, sequence: 100 });
    const brackets = (end: string) => at(hostOf(end), Number(end.split(":").at(-1)));
    this.nat = brackets(first.source);
    this.server = brackets(first.destination);
    this.fromServer({ flags: SYN | ACK, sequence: 4999, acknowledgement: 101 });
    this.fromClient({ flags: ACK, sequence: 101, acknowledgement: 5000 });
    this.fromServer({ flags: ACK, sequence: 5000, payload: new Uint8Array(1000) });
    this.bench.told.length = 0;
  }

  fromClient(options: Partial<FrameOptions> = {}): Outcome {
    const { protocol, client: source, vip: destination } = this;
    return this.bench.send({ protocol, source, destination, ...options });
  }
  fromServer(options: Partial<FrameOptions> = {}): Outcome {
    const { protocol, server: source, nat: destination } = this;
    return this.bench.send({ protocol, source, destination, ...options });
  }

  /** What the client got from the VIP, by either way. */
  response(options: Partial<FrameOptions> = {}): Uint8Array {
    const { protocol, vip: source, client: destination } = this;
    const payload = new Uint8Array(1000);
    return buildPacket({ protocol, source, destination, sequence: 5000, payload, ...options });
  }
  /** What the server got from the NAT endpoint. */
  request(options: Partial<FrameOptions> = {}): Uint8Array {
    const { protocol, nat: source, server: destination } = this;
    const payload = new Uint8Array(1000);
    return buildPacket({ protocol, source, destination, sequence: 101, payload, ...options });
  }

  error(about: Uint8Array, options: ErrorOptions = {}): Outcome {
    return this.bench.sendBytes(this.errorBytes(about, options));
  }

  errorBytes(about: Uint8Array, options: ErrorOptions = {}): Uint8Array<ArrayBuffer> {
    const { net } = this;
    const { type = net.unreachable, code = 1, rest = 0, source = net.router, quoted, ...others } =
      options;
    const to = new Packet();
    to.attach(about.slice().buffer as ArrayBuffer);
    to.parse(0, about.length);
    return buildPacket({
      protocol: "icmp",
      source,
      destination: hostOf(endpoint(to, 0)),
      icmp: { type, code, rest },
      payload: about.slice(0, quoted ?? Math.min(about.length, 500)),
      ...others,
    });
  }

  tooBig(mtu: number, options: ErrorOptions = {}): Outcome {
    const [type, code] = this.net.tooBig;
    return this.error(options.about ?? this.response(), { type, code, rest: mtu, ...options });
  }

  get pathMtu(): number {
    return this.bench.table.getU16(1, U16.pathMtu);
  }
}

export interface ErrorOptions extends Partial<FrameOptions> {
  readonly type?: number;
  readonly code?: number;
  readonly rest?: number;
  /** Bytes of the packet that are in the error. */
  readonly quoted?: number;
  readonly about?: Uint8Array;
}

/** Ends of an error and of its quote; every checksum in it that can be checked is right. */
export function ends({ verdict, packet }: Outcome): string[] {
  assert.equal(verdict, 1);
  assert.ok(verifyL4(packet, false));
  const quote = parseQuote(packet);
  assert.ok(typeof quote === "object");
  return [
    hostOf(endpoint(packet, 0)),
    hostOf(endpoint(packet, 4)),
    ...innerEnds(packet, quote),
  ];
}

function innerEnds(packet: Packet, quote: Quote): string[] {
  const inner = new Packet();
  inner.attach(packet.bytes.buffer);
  // Only the ends are read, and a quote is cut short.
  inner.parse(quote.ipOffset, quote.endOffset - quote.ipOffset);
  inner.addresses.set(quote.addresses);
  inner.sourcePort = quote.sourcePort;
  inner.destinationPort = quote.destinationPort;
  return [endpoint(inner, 0), endpoint(inner, 4)];
}
