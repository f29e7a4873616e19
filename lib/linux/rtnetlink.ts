/** The kernel's links, addresses, routes and neighbours: asking, changing, and being told. */
import {
  ENODEV,
  ENOENT,
  ESRCH,
  RT_TABLE_DEFAULT,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
} from "./constants.ts";
import type { LinuxError } from "./error.ts";
import type { Fd } from "./fd.ts";
import type { NetlinkMessage } from "./netlink_message.ts";
import { type NetlinkAnswer, netlinkError, NetlinkSocket } from "./netlink_socket.ts";
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
import {
  addressesQuestion,
  type LinkChange,
  linkChange,
  linkQuestion,
  neighbourQuestion,
  neighbourRequest,
  neighboursQuestion,
  routeAddition,
  type RouteChange,
  routeDeletion,
  type RouteQuery,
  routeQuestion,
  routesQuestion,
  rulesQuestion,
} from "./rtnetlink_request.ts";

export {
  type InterfaceAddress,
  isUsable,
  type Link,
  type Neighbour,
  type NextHop,
  type Route,
  type RoutingRule,
} from "./rtnetlink_message.ts";
export {
  BYPATH_ROUTE_PROTOCOL,
  type LinkChange,
  type RouteChange,
  type RouteQuery,
} from "./rtnetlink_request.ts";
export { RouteMonitor, type RouteMonitorEvent } from "./route_monitor.ts";

const FAMILIES = [4, 6] as const;
const DEFAULT_RULE_TABLES = [RT_TABLE_LOCAL, RT_TABLE_MAIN, RT_TABLE_DEFAULT];
const DEFAULT_RULE_PRIORITIES = [0, 32766, 32767];

/** Asks and changes; each call waits for the kernel's answer. For the namespace it was made in. */
export class RouteNetlink implements Disposable {
  readonly #socket: NetlinkSocket;

  /** Throws LinuxError. */
  constructor() {
    this.#socket = new NetlinkSocket();
  }

  get fd(): Fd {
    return this.#socket.fd;
  }

  /** All interfaces. */
  links(): Link[] {
    return decodeAll(this.#socket.dump(linkQuestion(), "list the interfaces"), decodeLink);
  }

  /** One interface, by name or index; undefined when there is none. */
  link(nameOrIndex: string | number): Link | undefined {
    const answer = this.#socket.ask(linkQuestion(nameOrIndex));
    if (answer.errno === ENODEV) return undefined;
    return first(answer, { decode: decodeLink, action: `look up interface "${nameOrIndex}"` });
  }

  /** Changes what is given of a link. */
  setLink(change: LinkChange): void {
    this.#do(this.#socket.ask(linkChange(change)), `change interface ${change.index}`);
  }

  /** All IP addresses of all interfaces. */
  addresses(): InterfaceAddress[] {
    return FAMILIES.flatMap((family) => {
      const messages = this.#socket.dump(addressesQuestion(family), "list the addresses");
      return decodeAll(messages, decodeInterfaceAddress).filter((it) => it.family === family);
    });
  }

  /**
   * The route that the kernel would take to a destination, or why there is none (ENETUNREACH,
   * EHOSTUNREACH, EINVAL for a blackhole, EACCES for a prohibition).
   *
   * With `outInterface`, IPv4 answers "on the link" where no route fits: the kernel's habit.
   */
  routeGet(destination: Uint8Array, query: RouteQuery = {}): Route | LinuxError {
    const answer = this.#socket.ask(routeQuestion(destination, query));
    const action = `find a route to ${addressText(destination)}`;
    if (answer.errno !== 0) return netlinkError(action, answer);
    return first(answer, { decode: decodeRoute, action });
  }

  /** All routes of all tables, or those of one protocol, such as our own. */
  routes(filter: { readonly protocol?: number } = {}): Route[] {
    const { protocol } = filter;
    return FAMILIES.flatMap((family) => {
      const messages = this.#socket.dump(routesQuestion(family, protocol), "list the routes");
      // Kernels before 4.20 do not filter, and one without IPv6 answers with every family.
      return decodeAll(messages, decodeRoute).filter((route) =>
        route.family === family && (protocol === undefined || route.protocol === protocol)
      );
    });
  }

  /** Adds a route. Throws LinuxError, EEXIST for one with the same prefix and metric. */
  addRoute(route: RouteChange): void {
    this.#do(this.#socket.ask(routeAddition(route)), `add the route ${routeText(route)}`);
  }

  /** Deletes a route; says whether there was one. Throws LinuxError. */
  deleteRoute(route: RouteChange): boolean {
    const answer = this.#socket.ask(routeDeletion(route));
    if (answer.errno === ESRCH) return false;
    this.#do(answer, `delete the route ${routeText(route)}`);
    return true;
  }

  /** All neighbours of all interfaces. */
  neighbours(): Neighbour[] {
    return FAMILIES.flatMap((family) => {
      const messages = this.#socket.dump(neighboursQuestion(family), "list the neighbours");
      return decodeAll(messages, decodeNeighbour).filter((it) => it.family === family);
    });
  }

  /** One neighbour; undefined when the kernel has no entry. */
  neighbour(interfaceIndex: number, address: Uint8Array): Neighbour | undefined {
    const answer = this.#socket.ask(neighbourQuestion(interfaceIndex, address));
    if (answer.errno === ENOENT) return undefined;
    const action = `look up neighbour ${addressText(address)}`;
    return first(answer, { decode: decodeNeighbour, action });
  }

  /**
   * Makes the kernel look for a neighbour, by ARP or neighbour discovery, and answers at once; the
   * result comes as an event of a RouteMonitor.
   */
  requestNeighbour(interfaceIndex: number, address: Uint8Array): void {
    const answer = this.#socket.ask(neighbourRequest(interfaceIndex, address));
    this.#do(answer, `ask for neighbour ${addressText(address)}`);
  }

  /** Policy routing rules other than the three that every host has. */
  rules(): RoutingRule[] {
    return FAMILIES.flatMap((family) => {
      const messages = this.#socket.dump(rulesQuestion(family), "list the routing rules");
      return decodeAll(messages, decodeRule).filter((rule) =>
        rule.family === family && !isDefaultRule(rule)
      );
    });
  }

  close(): void {
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  #do(answer: NetlinkAnswer, action: string): void {
    if (answer.errno !== 0) throw netlinkError(action, answer);
  }
}

type Decode<T> = (payload: Uint8Array<ArrayBuffer>) => T | null;

function decodeAll<T>(messages: readonly NetlinkMessage[], decode: Decode<T>): T[] {
  return messages.map(({ payload }) => decode(payload)).filter((value) => value !== null);
}

function first<T>(
  answer: NetlinkAnswer,
  { decode, action }: { decode: Decode<T>; action: string },
): T {
  if (answer.errno !== 0) throw netlinkError(action, answer);
  const [value] = decodeAll(answer.messages, decode);
  if (value === undefined) throw new TypeError(`Cannot ${action}: the kernel's answer is empty`);
  return value;
}

function isDefaultRule({ priority, table }: RoutingRule): boolean {
  const i = DEFAULT_RULE_PRIORITIES.indexOf(priority);
  return i >= 0 && DEFAULT_RULE_TABLES[i] === table;
}

function routeText({ destination, prefixLength }: RouteChange): string {
  return `${addressText(destination)}/${prefixLength}`;
}

/** For messages; IPv6 without shortening. */
function addressText(address: Uint8Array): string {
  if (address.length === 4) return address.join(".");
  const view = new DataView(address.buffer, address.byteOffset, address.byteLength);
  const groups = Array.from({ length: address.length >> 1 }, (_, i) => view.getUint16(i * 2));
  return groups.map((group) => group.toString(16)).join(":");
}
