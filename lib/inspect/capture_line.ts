/**
 * A captured packet as a line for people, or as JSON for programs.
 *
 * @module
 */
import type { CapturedPacket } from "../session/capture_record.ts";
import { formatEndpoint, IpAddress } from "../wire/address.ts";
import type { Packet } from "../wire/packet.ts";
import { PROTOCOL_TCP, PROTOCOL_UDP, protocolName } from "../wire/protocol.ts";
import { CAPTURED } from "../session/capture_record.ts";
import {
  dropText,
  type FrameReader,
  pathOf,
  type PlacedPacket,
  remarksOf,
} from "./captured_packet.ts";
import type { Paint } from "./palette.ts";

/** `FIN` to `CWR`, as tcpdump writes them. */
const FLAGS = "FSRP.UEW";

/** One line: local time, where, what, whose. */
export function formatPacket(placed: PlacedPacket, reader: FrameReader, paint: Paint): string {
  const { packet, place, device, isOut } = placed;
  const remarks = remarksOf(placed, !packet.isPartial || packet.frame.length < packet.frameBytes);
  return [
    paint("dim", timeText(packet)),
    paint(isOut ? "green" : "cyan", `${place} ${device} ${isOut ? "out" : "in"}`.padEnd(14)),
    contentText(packet, reader.parse(packet)),
    paint(packet.reason === 0 ? "dim" : "red", `(${remarks.join(", ")})`),
  ].join("  ");
}

/** One object: all that the record says, and what the headers say. */
export function packetJson(placed: PlacedPacket, reader: FrameReader): unknown {
  const { packet, place, device, isOut, session, service } = placed;
  const parsed = reader.parse(packet);
  return {
    time: new Date(packet.seconds * 1000).toISOString().replace(
      "000Z",
      `${nanoText(packet)}Z`,
    ),
    place,
    device,
    direction: isOut ? "out" : "in",
    number: packet.number === 0 ? null : packet.number,
    own: (packet.flags & CAPTURED.own) !== 0,
    dropped: packet.reason === 0 ? null : dropText(packet.reason).replace(/ .*/, ""),
    session,
    service,
    path: pathOf(packet),
    bytes: packet.frameBytes,
    capturedBytes: packet.frame.length,
    segmentBytes: packet.segmentBytes,
    partialChecksum: packet.isPartial,
    packet: parsed === null ? null : {
      protocol: protocolName(parsed.protocol),
      ...endsOf(parsed),
      ...(parsed.protocol === PROTOCOL_TCP && !isLaterFragment(parsed) && {
        flags: flagsText(parsed.tcpFlags),
        sequence: parsed.tcpSequence >>> 0,
        acknowledgement: parsed.tcpAcknowledgement >>> 0,
        window: parsed.tcpWindow,
      }),
      payloadBytes: parsed.payloadBytes,
    },
  };
}

function contentText({ frameBytes }: CapturedPacket, packet: Packet | null): string {
  if (packet === null) return `${frameBytes} bytes that are no packet`;
  const { source, destination } = endsOf(packet);
  const { protocol, payloadBytes } = packet;
  const fragment = packet.isFragment
    ? ` fragment at ${packet.fragmentOffsetBytes}${packet.moreFragments ? "+" : ""}`
    : "";
  return `${protocolName(protocol)} ${source} > ${destination}${fragment}${
    transportText(packet)
  } length ${payloadBytes}`;
}

function transportText(packet: Packet): string {
  const { protocol } = packet;
  if (isLaterFragment(packet)) return "";
  if (protocol === PROTOCOL_TCP) {
    const { tcpFlags, tcpSequence, tcpAcknowledgement, tcpWindow } = packet;
    const acknowledgement = (tcpFlags & 0x10) === 0 ? "" : ` ack ${tcpAcknowledgement >>> 0}`;
    return ` [${flagsText(tcpFlags)}] seq ${tcpSequence >>> 0}${acknowledgement} win ${tcpWindow}`;
  }
  if (protocol === PROTOCOL_UDP) return "";
  return ` type ${packet.icmpType} code ${packet.icmpCode}`;
}

function isLaterFragment({ isFragment, fragmentOffsetBytes }: Packet): boolean {
  return isFragment && fragmentOffsetBytes > 0;
}

function flagsText(flags: number): string {
  return [...FLAGS].filter((_, bit) => (flags & (1 << bit)) !== 0).join("") || "none";
}

/** Endpoints, or addresses where there are no ports. */
function endsOf(packet: Packet): { source: string; destination: string } {
  const { protocol, addresses, sourcePort, destinationPort } = packet;
  const hasPorts = (protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP) &&
    !isLaterFragment(packet);
  const end = (at: number, port: number) => {
    const address = IpAddress.fromWords(
      addresses[at]!,
      addresses[at + 1]!,
      addresses[at + 2]!,
      addresses[at + 3]!,
    );
    return hasPorts ? formatEndpoint({ address, port }) : String(address);
  };
  return { source: end(0, sourcePort), destination: end(4, destinationPort) };
}

/** `12:00:00.123456789`, in the time zone of this host. */
function timeText(packet: CapturedPacket): string {
  const time = new Date(packet.seconds * 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${
    nanoText(packet)
  }`;
}

function nanoText({ nanoseconds }: CapturedPacket): string {
  return String(nanoseconds).padStart(9, "0");
}
