/** For the tests of this folder: what hosts ask each other about addresses. */
import { IpAddress } from "../wire/address.ts";
import { ARP_REPLY, ARP_REQUEST, emitArp } from "../wire/arp.ts";
import { finish, pseudoHeaderSum, sum16 } from "../wire/checksum.ts";
import { emitEthernet, parseMac } from "../wire/ethernet.ts";
import { emitIpv6Header } from "../wire/ipv6.ts";

export interface ArpOptions {
  readonly operation?: "request" | "reply";
  readonly mac: string;
  readonly from: string;
  readonly about: string;
}

/** A broadcast ARP frame. */
export function arpFrame(options: ArpOptions): Uint8Array {
  const frame = new Uint8Array(60);
  const mac = parseMac(options.mac);
  emitEthernet(
    { destination: parseMac("ff:ff:ff:ff:ff:ff"), source: mac, etherType: 0x0806 },
    frame,
  );
  emitArp({
    operation: options.operation === "reply" ? ARP_REPLY : ARP_REQUEST,
    senderMac: mac,
    senderAddress: IpAddress.parse(options.from),
    targetMac: new Uint8Array(6),
    targetAddress: IpAddress.parse(options.about),
  }, frame.subarray(14));
  return frame;
}

export interface SolicitationOptions {
  readonly mac: string;
  readonly from: string;
  readonly about: string;
  /** Whether it says where to answer to; default true. */
  readonly saysMac?: boolean;
}

/** A neighbour solicitation. */
export function solicitationFrame(options: SolicitationOptions): Uint8Array {
  const { mac, from, about, saysMac = true } = options;
  const message = new Uint8Array(saysMac ? 32 : 24);
  message[0] = 135;
  message.set(IpAddress.parse(about).toBytes(), 8);
  if (saysMac) message.set([1, 1, ...parseMac(mac)], 24);
  const source = IpAddress.parse(from);
  const destination = IpAddress.parse("ff02::1:ff00:10");
  const addresses = Int32Array.of(...source.words, ...destination.words);
  const view = new DataView(message.buffer);
  const pseudo = pseudoHeaderSum(6, addresses, 58, message.length);
  view.setUint16(2, finish(sum16(view, 0, message.length, pseudo)));
  const frame = new Uint8Array(54 + message.length);
  const toMac = parseMac("33:33:ff:00:00:10");
  emitEthernet({ destination: toMac, source: parseMac(mac), etherType: 0x86dd }, frame);
  emitIpv6Header({
    source,
    destination,
    nextHeader: 58,
    payloadBytes: message.length,
    hopLimit: 255,
    trafficClass: 0,
    flowLabel: 0,
  }, frame.subarray(14));
  frame.set(message, 54);
  return frame;
}
