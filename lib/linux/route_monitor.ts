import {
  AF_NETLINK,
  EAGAIN,
  EINTR,
  ENOBUFS,
  MSG_DONTWAIT,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  RTM_NEWRULE,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV4_RULE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_IPV6_RULE,
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
  SOCK_NONBLOCK,
  SOCK_RAW,
} from "./constants.ts";
import { LinuxError } from "./error.ts";
import type { Fd } from "./fd.ts";
import { decodeMessages, type NetlinkMessage } from "./netlink_message.ts";
import { openRouteSocket, receiveNetlink } from "./netlink_socket.ts";
import {
  decodeInterfaceAddress,
  decodeLink,
  decodeNeighbour,
  decodeRoute,
  decodeRule,
  type InterfaceAddress,
  type Link,
  type Neighbour,
  type Route,
  type RoutingRule,
} from "./rtnetlink_message.ts";
import { bindSocket, setReceiveBuffer } from "./socket.ts";
import { SOCKADDR_NL } from "./structs.ts";

/** Something of the kernel's tables is new or changed, or (`removed`) gone. */
export type RouteMonitorEvent =
  | { readonly kind: "link"; readonly removed: boolean; readonly link: Link }
  | { readonly kind: "address"; readonly removed: boolean; readonly address: InterfaceAddress }
  | { readonly kind: "route"; readonly removed: boolean; readonly route: Route }
  | { readonly kind: "neighbour"; readonly removed: boolean; readonly neighbour: Neighbour }
  | { readonly kind: "rule"; readonly removed: boolean; readonly rule: RoutingRule }
  /** Events were lost because nobody read for too long: ask for everything again. */
  | { readonly kind: "overrun" };

/** What one can subscribe to. */
export type RouteMonitorKind = Exclude<RouteMonitorEvent["kind"], "overrun">;

export interface RouteMonitorOptions {
  /** What to be told of; default all. */
  readonly kinds?: readonly RouteMonitorKind[];
  /** How much may wait to be read before events are lost; default 4 MiB, some 10,000 events. */
  readonly receiveBufferBytes?: number;
}

const GROUPS: Readonly<Record<RouteMonitorKind, readonly number[]>> = {
  link: [RTNLGRP_LINK],
  address: [RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR],
  route: [RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE],
  neighbour: [RTNLGRP_NEIGH],
  rule: [RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE],
};
const ALL_KINDS = Object.keys(GROUPS) as RouteMonitorKind[];

/** The kernel puts at most 8 KiB into one notification. */
const RECEIVE_BYTES = 64 * 1024;

/**
 * Is told by the kernel when links, addresses, routes, neighbours or rules change.
 *
 * Poll `fd` for reading, then `drain`. To start from a known state, make the monitor first and ask
 * for the tables afterwards.
 */
export class RouteMonitor implements Disposable {
  readonly fd: Fd;
  readonly #buffer = new Uint8Array(RECEIVE_BYTES);

  /** Throws LinuxError. */
  constructor(options: RouteMonitorOptions = {}) {
    this.fd = openRouteSocket(SOCK_RAW | SOCK_NONBLOCK);
    try {
      setReceiveBuffer(this.fd, options.receiveBufferBytes ?? 4 * 1024 * 1024);
      subscribe(this.fd, options.kinds ?? ALL_KINDS);
    } catch (error) {
      this.fd.close();
      throw error;
    }
  }

  /** Hands over what happened since the last time, in order; returns how many events. */
  drain(callback: (event: RouteMonitorEvent) => void): number {
    let events = 0;
    for (;;) {
      const received = receiveNetlink(this.fd, this.#buffer, MSG_DONTWAIT);
      if (received === -EAGAIN) return events;
      if (received === -EINTR) continue;
      if (received === -ENOBUFS) {
        events++;
        callback({ kind: "overrun" });
        continue;
      }
      if (received < 0) {
        throw new LinuxError("follow the kernel's tables", -received, { call: "recv" });
      }
      for (const message of decodeMessages(this.#buffer.subarray(0, received))) {
        const event = decodeEvent(message);
        if (event === null) continue;
        events++;
        callback(event);
      }
    }
  }

  close(): void {
    this.fd.close();
  }

  [Symbol.dispose](): void {
    this.fd.close();
  }
}

/** Reads a notification; null for one that is not about IP or not of these kinds. */
export function decodeEvent({ type, payload }: NetlinkMessage): RouteMonitorEvent | null {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK: {
      const link = decodeLink(payload);
      return link && { kind: "link", removed: type === RTM_DELLINK, link };
    }
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const address = decodeInterfaceAddress(payload);
      return address && { kind: "address", removed: type === RTM_DELADDR, address };
    }
    case RTM_NEWROUTE:
    case RTM_DELROUTE: {
      const route = decodeRoute(payload);
      return route && { kind: "route", removed: type === RTM_DELROUTE, route };
    }
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH: {
      const neighbour = decodeNeighbour(payload);
      return neighbour && { kind: "neighbour", removed: type === RTM_DELNEIGH, neighbour };
    }
    case RTM_NEWRULE:
    case RTM_DELRULE: {
      const rule = decodeRule(payload);
      return rule && { kind: "rule", removed: type === RTM_DELRULE, rule };
    }
    default:
      return null;
  }
}

function subscribe(fd: Fd, kinds: readonly RouteMonitorKind[]): void {
  const groups = kinds.flatMap((kind) => GROUPS[kind]);
  const address = new Uint8Array(SOCKADDR_NL.size);
  const view = new DataView(address.buffer);
  view.setUint16(SOCKADDR_NL.offsets.nl_family, AF_NETLINK, true);
  // Group n is bit n - 1 (netlink(7)).
  const mask = groups.reduce((bits, group) => bits | (1 << (group - 1)), 0);
  view.setInt32(SOCKADDR_NL.offsets.nl_groups, mask, true);
  bindSocket(fd, address, { action: "follow the kernel's tables" });
}
