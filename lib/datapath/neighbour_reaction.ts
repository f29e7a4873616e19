/**
 * What to answer to ARP (RFC 826, RFC 5227) and neighbour discovery (RFC 4861) for addresses that
 * the kernel does not have. Pure.
 *
 * @module
 */

import { IpAddress } from "../wire/address.ts";
import { ARP_REQUEST, buildArpReply, parseArp } from "../wire/arp.ts";
import { ETHERTYPE_ARP, ETHERTYPE_IPV6, parseEthernet } from "../wire/ethernet.ts";
import {
  buildNeighbourAnswer,
  parseNeighbourAdvertisement,
  parseNeighbourSolicitation,
} from "../wire/neighbour_discovery.ts";

/** For whom answers are given on an interface. */
export interface Claim {
  /** The MAC address of the interface, which answers contain. */
  readonly mac: Uint8Array;
  owns(address: IpAddress): boolean;
  /** Whether it is the MAC address of one of this machine's interfaces. */
  isOwnMac(mac: Uint8Array): boolean;
}

/** Another machine uses one of the addresses, or is about to. */
export interface Conflict {
  readonly address: IpAddress;
  readonly mac: Uint8Array;
}

export interface Reaction {
  /** The frame to send back by the interface. */
  readonly answer: Uint8Array<ArrayBuffer> | null;
  readonly conflict: Conflict | null;
}

const NOTHING: Reaction = { answer: null, conflict: null };
const UNSPECIFIED_V4 = IpAddress.parse("0.0.0.0");
const UNSPECIFIED_V6 = IpAddress.parse("::");

/**
 * Reads a frame, whatever its bytes, and says what to do.
 *
 * Whoever comes from one of the addresses gets no answer, whatever it asks for: it is a conflict.
 * So is a probe (RFC 5227 section 2.1.1, RFC 4862 section 5.4.2), which is answered as well: that
 * is how the other machine learns that the address is taken.
 */
export function reactTo(frame: Uint8Array, claim: Claim): Reaction {
  const ethernet = parseEthernet(frame);
  if (ethernet.kind === "malformed") return NOTHING;
  const { source, etherType } = ethernet.header;
  if (claim.isOwnMac(source)) return NOTHING;
  if (etherType === ETHERTYPE_ARP) return reactToArp(ethernet.payload, claim);
  if (etherType !== ETHERTYPE_IPV6) return NOTHING;
  const reaction = reactToSolicitation(ethernet.payload, source, claim);
  return reaction ?? reactToAdvertisement(ethernet.payload, source, claim);
}

function reactToArp(message: Uint8Array, claim: Claim): Reaction {
  const arp = parseArp(message);
  if (arp.kind === "malformed") return NOTHING;
  const { operation, senderMac, senderAddress, targetAddress } = arp.header;
  if (!isUnicastMac(senderMac) || claim.isOwnMac(senderMac)) return NOTHING;
  if (claim.owns(senderAddress)) return conflictOver(senderAddress, senderMac);
  if (operation !== ARP_REQUEST || !claim.owns(targetAddress)) return NOTHING;
  const isProbe = senderAddress.equals(UNSPECIFIED_V4);
  return {
    answer: buildArpReply(arp.header, claim.mac),
    conflict: isProbe ? { address: targetAddress, mac: senderMac } : null,
  };
}

/** Null when it is no solicitation. */
function reactToSolicitation(ip: Uint8Array, from: Uint8Array, claim: Claim): Reaction | null {
  const message = parseNeighbourSolicitation(ip);
  if (message.kind === "malformed") return null;
  const { source, target } = message.header;
  // Section 4.3: the option may be left out when the asker knows the target's MAC address already.
  const sourceMac = message.header.sourceMac ?? from;
  if (!isUnicastMac(sourceMac) || claim.isOwnMac(sourceMac)) return NOTHING;
  if (!isUnicast(source) || target.family !== 6) return NOTHING;
  if (claim.owns(source)) return conflictOver(source, sourceMac);
  if (!claim.owns(target)) return NOTHING;
  const isProbe = source.equals(UNSPECIFIED_V6);
  return {
    answer: buildNeighbourAnswer({ source, target, sourceMac }, claim.mac),
    conflict: isProbe ? { address: target, mac: sourceMac } : null,
  };
}

function reactToAdvertisement(ip: Uint8Array, from: Uint8Array, claim: Claim): Reaction {
  const message = parseNeighbourAdvertisement(ip);
  if (message.kind === "malformed") return NOTHING;
  const { target } = message.header;
  const mac = message.header.targetMac ?? from;
  if (target.family !== 6 || !claim.owns(target) || claim.isOwnMac(mac)) return NOTHING;
  return conflictOver(target, mac);
}

function conflictOver(address: IpAddress, mac: Uint8Array): Reaction {
  return { answer: null, conflict: { address, mac } };
}

/** An answer to a group address would go to many who did not ask. */
function isUnicastMac(mac: Uint8Array): boolean {
  return (mac[0]! & 1) === 0 && mac.some((byte) => byte !== 0);
}

/** No group, and no IPv4 address in an IPv6 header. */
function isUnicast(address: IpAddress): boolean {
  return address.family === 6 && address.words[0]! >>> 24 !== 0xff;
}
