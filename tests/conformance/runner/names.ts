import type { Family, Flow, PacketSpec, Way } from "./case.ts";
import type { End } from "./reference.ts";
import type { Context, Ends } from "./reference.ts";

/** Flows that cases use without saying what they are. */
export const FLOWS: Readonly<Record<string, Flow>> = {
  T1: { protocol: "tcp", client: "C:40000", vip: "VIP:80" },
  T2: { protocol: "tcp", client: "C2:40000", vip: "VIP:80" },
  T3: { protocol: "tcp", client: "C:40001", vip: "VIP:80" },
  /** To the second VIP. */
  T4: { protocol: "tcp", client: "C:40000", vip: "VIP2:80" },
  U1: { protocol: "udp", client: "C:40000", vip: "VIP:53" },
  U2: { protocol: "udp", client: "C2:40000", vip: "VIP:53" },
  U3: { protocol: "udp", client: "C:40001", vip: "VIP:53" },
  U4: { protocol: "udp", client: "C:40000", vip: "VIP2:53" },
};

/**
 * Addresses by name. C, C2, C3 are clients and X is somebody else, all different in every run of a case; NAT and
 * INSIDE are the NAT machine's own, RT is the router on the clients' side, G the one on the servers' side.
 */
const ADDRESSES: Readonly<Record<string, Readonly<Record<Family, string>>>> = {
  VIP: { 4: "203.0.113.10", 6: "2001:db8:f::10" },
  VIP2: { 4: "203.0.113.20", 6: "2001:db8:f::20" },
  S1: { 4: "10.0.0.11", 6: "2001:db8:10::11" },
  S2: { 4: "10.0.0.12", 6: "2001:db8:10::12" },
  P: { 4: "10.0.1.1", 6: "2001:db8:1::1" },
  NAT: { 4: "192.0.2.2", 6: "2001:db8:2::2" },
  INSIDE: { 4: "10.0.0.1", 6: "2001:db8:10::1" },
  RT: { 4: "192.0.2.1", 6: "2001:db8:2::1" },
  G: { 4: "10.0.0.254", 6: "2001:db8:10::fe" },
};
const CLIENTS = ["C", "C2", "C3", "X"];

/** On the way with bypass the services have VIPs of their own. */
const BYPASS_VIPS: Readonly<Record<string, Readonly<Record<Family, string>>>> = {
  VIP: { 4: "203.0.113.11", 6: "2001:db8:f::11" },
  VIP2: { 4: "203.0.113.21", 6: "2001:db8:f::21" },
};

export function addressOf(name: string, family: Family, way: Way = "nat"): string {
  const entry = (way === "bypass" ? BYPASS_VIPS[name] : undefined) ?? ADDRESSES[name];
  if (entry === undefined) throw new Error(`Who is ${name}?`);
  return entry[family];
}

/** Where a client of run number `run` is. */
function clientAddress(name: string, family: Family, run: number): string {
  const index = CLIENTS.indexOf(name);
  return family === 4
    ? `198.51.${101 + (run >> 5)}.${(run & 31) * 8 + 1 + index}`
    : `2001:db8:ccc:${(run + 1).toString(16)}::${index + 1}`;
}

/** What the names of one run of a case stand for. */
export class Names implements Context {
  readonly #flows: Readonly<Record<string, Flow>>;
  readonly #bound = new Map<string, { readonly nat: End; readonly server: End }>();
  readonly family: Family;
  readonly way: Way;
  readonly run: number;

  constructor(
    flows: Readonly<Record<string, Flow>>,
    place: { readonly family: Family; readonly way: Way; readonly run: number },
  ) {
    this.#flows = { ...FLOWS, ...flows };
    this.family = place.family;
    this.way = place.way;
    this.run = place.run;
  }

  flow(name: string): Flow {
    const flow = this.#flows[name];
    if (flow === undefined) throw new Error(`Which flow is ${name}?`);
    return flow;
  }

  /** The NAT endpoint and the server of a flow, once its first packet has shown them. */
  bound(flow: string): { readonly nat: End; readonly server: End } | undefined {
    return this.#bound.get(flow);
  }
  bind(flow: string, nat: End, server: End): void {
    this.#bound.set(flow, { nat, server });
  }
  forget(flow: string): void {
    this.#bound.delete(flow);
  }

  endsOf(spec: PacketSpec): Ends & { readonly transport: "tcp" | "udp" | null } {
    const flow = spec.flow;
    const leg = spec.leg ?? "C>VIP";
    const ends = flow === undefined ? null : this.#leg(flow, leg);
    const source = spec.source === undefined ? ends?.source : this.end(spec.source);
    const destination = spec.destination === undefined
      ? ends?.destination
      : this.end(spec.destination);
    if (source === undefined || destination === undefined) {
      throw new Error(`From where to where? ${JSON.stringify(spec)}`);
    }
    const transport = flow === undefined ? null : this.flow(flow).protocol;
    return { source, destination, transport };
  }

  otherSide(spec: PacketSpec): Ends {
    const flow = spec.flow;
    if (flow === undefined) throw new Error(`No flow: ${JSON.stringify(spec)}`);
    const leg = spec.leg ?? "C>VIP";
    return this.#leg(flow, leg === "C>VIP" ? "P>S" : "VIP>C");
  }

  #leg(flow: string, leg: string): Ends {
    const { client, vip } = this.flow(flow);
    const [from, to] = leg.split(">");
    const end = (letter: string | undefined) => {
      if (letter === "C") return this.end(client);
      if (letter === "VIP") return this.end(vip);
      const bound = this.#bound.get(flow);
      if (bound === undefined) throw new Error(`${flow} has no NAT endpoint yet`);
      return letter === "P" ? bound.nat : bound.server;
    };
    return { source: end(from), destination: end(to) };
  }

  /** `C:40000`, `VIP`, `T1.nat`, `192.0.2.1:80`, `[2001:db8::1]:80`. */
  end(text: string): End {
    const role = /^(\w+)\.(client|vip|nat|server)(?::(\d+))?$/.exec(text);
    if (role !== null) {
      const leg = role[2] === "client" || role[2] === "vip" ? "C>VIP" : "P>S";
      const ends = this.#leg(role[1]!, leg);
      const end = role[2] === "client" || role[2] === "nat" ? ends.source : ends.destination;
      return role[3] === undefined ? end : { ...end, port: Number(role[3]) };
    }
    const parts = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text);
    const name = parts?.[1] ?? parts?.[2];
    if (name === undefined) throw new Error(`Which endpoint is ${text}?`);
    return { address: this.address(name), port: Number(parts?.[3] ?? 0) };
  }

  address(name: string): Uint8Array {
    if (CLIENTS.includes(name)) return bytesOf(clientAddress(name, this.family, this.run));
    return bytesOf(/^[A-Z]\w*$/.test(name) ? addressOf(name, this.family, this.way) : name);
  }
}

/** The bytes of an address in text. */
export function bytesOf(text: string): Uint8Array {
  if (!text.includes(":")) return Uint8Array.from(text.split(".").map(Number));
  const [head = "", tail] = text.split("::");
  const groups = (part: string) => part === "" ? [] : part.split(":").map((it) => parseInt(it, 16));
  const first = groups(head);
  const last = tail === undefined ? [] : groups(tail);
  const all = [...first, ...new Array(8 - first.length - last.length).fill(0), ...last];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 255]));
}

/** The text of an address in bytes. */
export function textOf(address: Uint8Array): string {
  if (address.length === 4) return address.join(".");
  const groups = Array.from(
    { length: 8 },
    (_, i) => ((address[2 * i]! << 8) | address[2 * i + 1]!).toString(16),
  );
  return groups.join(":").replace(/(^|:)0(:0)+(:|$)/, "::");
}

export function endText({ address, port }: End): string {
  const text = textOf(address);
  if (port === 0) return text;
  return address.length === 4 ? `${text}:${port}` : `[${text}]:${port}`;
}

export function sameEnd(a: End, b: End): boolean {
  return a.port === b.port && textOf(a.address) === textOf(b.address);
}
