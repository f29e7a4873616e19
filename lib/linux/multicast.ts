import {
  AF_INET6,
  AF_PACKET,
  IPPROTO_IPV6,
  IPV6_JOIN_GROUP,
  PACKET_ADD_MEMBERSHIP,
  PACKET_MR_ALLMULTI,
  SOCK_DGRAM,
  SOCK_RAW,
  SOL_PACKET,
} from "./constants.ts";
import { LinuxError } from "./error.ts";
import type { Fd } from "./fd.ts";
import { openSocket, setSocketOption } from "./socket.ts";
import { IPV6_MREQ, PACKET_MREQ } from "./structs.ts";

/** Joining costs kernel memory of the socket (net.core.optmem_max) and a report each, so not more. */
const MAX_GROUPS = 128;

/** Which IPv6 groups, 16 bytes each, on which interface. */
export interface MulticastOptions {
  readonly interfaceIndex: number;
  readonly groups: readonly Uint8Array[];
}

/**
 * Makes an interface receive the frames to some IPv6 multicast groups until the returned descriptor
 * is closed. They arrive at packet sockets.
 *
 * The kernel joins the groups: it sets up the network card and tells switches and routers (MLD).
 * Where it does not join them, being too many or without IPv6 on the interface, the card is made
 * to pass every multicast frame, and then nobody is told.
 *
 * Throws LinuxError when neither can be done; needs CAP_NET_RAW.
 */
export function listenToGroups(options: MulticastOptions): Fd {
  if (options.groups.length > MAX_GROUPS) return takeAllMulticast(options.interfaceIndex);
  try {
    return joinGroups(options);
  } catch (error) {
    if (!(error instanceof LinuxError)) throw error;
    return takeAllMulticast(options.interfaceIndex);
  }
}

function joinGroups({ interfaceIndex, groups }: MulticastOptions): Fd {
  const fd = openSocket({ domain: AF_INET6, type: SOCK_DGRAM, label: "multicast socket" });
  try {
    for (const group of groups) {
      const value = new Uint8Array(IPV6_MREQ.size);
      value.set(group, IPV6_MREQ.offsets.ipv6mr_multiaddr);
      const view = new DataView(value.buffer);
      view.setUint32(IPV6_MREQ.offsets.ipv6mr_interface, interfaceIndex, true);
      const action = `join a multicast group on interface ${interfaceIndex}`;
      setSocketOption(fd, { level: IPPROTO_IPV6, name: IPV6_JOIN_GROUP, value, action });
    }
    return fd;
  } catch (error) {
    fd.close();
    throw error;
  }
}

function takeAllMulticast(interfaceIndex: number): Fd {
  const fd = openSocket({
    domain: AF_PACKET,
    type: SOCK_RAW,
    label: "multicast packet socket",
    needs: "CAP_NET_RAW",
  });
  try {
    const value = new Uint8Array(PACKET_MREQ.size);
    const view = new DataView(value.buffer);
    view.setInt32(PACKET_MREQ.offsets.mr_ifindex, interfaceIndex, true);
    view.setUint16(PACKET_MREQ.offsets.mr_type, PACKET_MR_ALLMULTI, true);
    const action = `take all multicast frames of interface ${interfaceIndex}`;
    setSocketOption(fd, { level: SOL_PACKET, name: PACKET_ADD_MEMBERSHIP, value, action });
    return fd;
  } catch (error) {
    fd.close();
    throw error;
  }
}
