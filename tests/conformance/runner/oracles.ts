/**
 * What holds for every packet of every case, whatever the case is about (section 0.3 of the requirements). O3, O4 and
 * the second half of O2 are in the byte-by-byte comparison with the reference; O7 is in the number of packets that a
 * step expects.
 */
import { textOf } from "./names.ts";
import { isIpv4HeaderRight, isL4Right, look } from "./reference.ts";
import type { Counted, Output } from "./world.ts";

const MTU = 1500;
const ICMP_ERRORS = [3, 4, 5, 11, 12];

/** What is wrong with a packet that came out, in words. */
export function faultsOf(
  output: Output,
  { inputWasRight, vips }: { readonly inputWasRight: boolean; readonly vips: readonly string[] },
): string[] {
  const { bytes, side, partial, segmentBytes } = output;
  const faults: string[] = [];
  const it = look(bytes);
  if (it.family === 4 && !isIpv4HeaderRight(bytes)) faults.push("O1: IPv4 header checksum");
  if (inputWasRight && !partial && isL4Right(bytes) === false) faults.push("O2: checksum");
  if (bytes.length !== it.totalBytes) faults.push("O5: the frame holds more than the packet");
  if (bytes.length > MTU && segmentBytes === 0) faults.push(`O5: ${bytes.length} bytes`);
  for (const address of shownIn(bytes)) {
    const isOurs = /^10\.|^2001:db8:10?::/.test(address);
    const isTheirs = /^198\.51\.|^2001:db8:ccc:/.test(address) || vips.includes(address);
    if (side === "client" && isOurs) faults.push(`O6: shows ${address} to the client`);
    if (side !== "client" && isTheirs) faults.push(`O6: shows ${address} to the server`);
  }
  return faults;
}

/** The addresses of a packet and of what it quotes. */
function shownIn(packet: Uint8Array): string[] {
  if (packet.length < 20) return [];
  const it = look(packet);
  const shown = [textOf(it.ends.source.address), textOf(it.ends.destination.address)];
  const type = packet[it.l4Offset]!;
  const isError = it.protocol === 1 ? ICMP_ERRORS.includes(type) : it.protocol === 58 && type < 128;
  if (isError && it.fragmentOffset === 0) shown.push(...shownIn(packet.subarray(it.l4Offset + 8)));
  return shown;
}

/** O8: everything that was received was forwarded, served or dropped for a reason. */
export function conservationFault(counted: Counted): string | null {
  const dropped = Object.values(counted.dropped).reduce((sum, count) => sum + count, 0);
  const accounted = counted.forwarded + counted.answered + dropped;
  return counted.received === accounted
    ? null
    : `O8: received ${counted.received}, accounted for ${accounted}: ${JSON.stringify(counted)}`;
}
