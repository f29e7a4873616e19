/**
 * The lab's network as a value. Nothing here touches the host: `namespace.ts` applies it.
 *
 * ```text
 *   client ── eth0 ───────── eth0 ── router ── eth1 ───────── eth0 ── nat
 *   198.51.100.2              198.51.100.1 │ 192.0.2.1         192.0.2.2 │
 *   (and .3 to .9)                         eth2 10.0.0.254              eth1 10.0.0.1
 *                                          │                            │
 *                                          └────────── switch ──────────┘
 *                                                      │    │
 *                                         10.0.0.11  eth0   eth0  10.0.0.12
 *                                                     s1    s2
 * ```
 *
 * The router sends 203.0.113.0/24 (the VIPs) to the NAT machine. The servers send 10.0.1.0/24 (the
 * SNAT addresses) to the NAT machine and everything else straight to the router: that is the road
 * of bypass. Each IPv4 network has an IPv6 twin.
 *
 * @module
 */

/** The machines of the lab, in the order in which people read them. */
export const NODE_NAMES = ["client", "router", "switch", "nat", "s1", "s2"] as const;
export type NodeName = (typeof NODE_NAMES)[number];

export interface LabInterface {
  readonly device: string;
  /** With prefix length: `198.51.100.2/24`. */
  readonly addresses: readonly string[];
}

export interface LabRoute {
  /** `default` or a prefix. */
  readonly to: string;
  readonly via: string;
}

export interface LabNode {
  readonly name: NodeName;
  readonly description: string;
  readonly interfaces: readonly LabInterface[];
  readonly routes: readonly LabRoute[];
  readonly forwards: boolean;
  /** Joins all interfaces of this node; it then has no addresses. */
  readonly bridge?: string;
}

/** A veth pair. */
export interface LabLink {
  readonly ends: readonly [LabLinkEnd, LabLinkEnd];
}

export interface LabLinkEnd {
  readonly node: NodeName;
  readonly device: string;
}

export interface Topology {
  readonly nodes: readonly LabNode[];
  readonly links: readonly LabLink[];
}

/** Addresses that scenarios and configurations need by name. */
export const ADDRESSES = {
  client: "198.51.100.2",
  router: "192.0.2.1",
  natFront: "192.0.2.2",
  nat: "10.0.0.1",
  s1: "10.0.0.11",
  s2: "10.0.0.12",
  vip: "203.0.113.10",
  vipPrefix: "203.0.113.0/24",
  snatPrefix: "10.0.1.0/24",
} as const;

/** The same in IPv6. */
export const ADDRESSES6 = {
  client: "2001:db8:c::2",
  router: "2001:db8:2::1",
  natFront: "2001:db8:2::2",
  nat: "2001:db8:10::1",
  s1: "2001:db8:10::11",
  s2: "2001:db8:10::12",
  vip: "2001:db8:f::10",
  vipPrefix: "2001:db8:f::/64",
  snatPrefix: "2001:db8:1::/64",
} as const satisfies Record<keyof typeof ADDRESSES, string>;

export const TOPOLOGY: Topology = {
  nodes: [
    {
      name: "client",
      description: "the client",
      interfaces: [{
        device: "eth0",
        addresses: [
          "198.51.100.2/24",
          "198.51.100.3/24",
          "198.51.100.4/24",
          "198.51.100.5/24",
          "198.51.100.6/24",
          "198.51.100.7/24",
          "198.51.100.8/24",
          "198.51.100.9/24",
          "2001:db8:c::2/64",
        ],
      }],
      routes: [
        { to: "default", via: "198.51.100.1" },
        { to: "default", via: "2001:db8:c::1" },
      ],
      forwards: false,
    },
    {
      name: "router",
      description: "an ordinary router",
      interfaces: [
        { device: "eth0", addresses: ["198.51.100.1/24", "2001:db8:c::1/64"] },
        { device: "eth1", addresses: [`${ADDRESSES.router}/24`, `${ADDRESSES6.router}/64`] },
        { device: "eth2", addresses: ["10.0.0.254/24", "2001:db8:10::fe/64"] },
      ],
      routes: [
        { to: ADDRESSES.vipPrefix, via: ADDRESSES.natFront },
        { to: ADDRESSES6.vipPrefix, via: ADDRESSES6.natFront },
      ],
      forwards: true,
    },
    {
      name: "switch",
      description: "the servers' network",
      interfaces: [
        { device: "router", addresses: [] },
        { device: "nat", addresses: [] },
        { device: "s1", addresses: [] },
        { device: "s2", addresses: [] },
      ],
      routes: [],
      forwards: false,
      bridge: "br0",
    },
    {
      name: "nat",
      description: "the NAT machine",
      interfaces: [
        { device: "eth0", addresses: ["192.0.2.2/24", "2001:db8:2::2/64"] },
        { device: "eth1", addresses: ["10.0.0.1/24", "2001:db8:10::1/64"] },
      ],
      routes: [
        { to: "default", via: ADDRESSES.router },
        { to: "default", via: ADDRESSES6.router },
      ],
      forwards: false,
    },
    server("s1", 11),
    server("s2", 12),
  ],
  links: [
    link("client", "eth0", "router", "eth0"),
    link("router", "eth1", "nat", "eth0"),
    link("router", "eth2", "switch", "router"),
    link("nat", "eth1", "switch", "nat"),
    link("s1", "eth0", "switch", "s1"),
    link("s2", "eth0", "switch", "s2"),
  ],
};

function server(name: NodeName, host: number): LabNode {
  return {
    name,
    description: "a server",
    interfaces: [{
      device: "eth0",
      addresses: [`10.0.0.${host}/24`, `2001:db8:10::${host}/64`],
    }],
    routes: [
      { to: "default", via: "10.0.0.254" },
      { to: ADDRESSES.snatPrefix, via: ADDRESSES.nat },
      { to: "default", via: "2001:db8:10::fe" },
      { to: ADDRESSES6.snatPrefix, via: ADDRESSES6.nat },
    ],
    forwards: false,
  };
}

function link(a: NodeName, aDevice: string, b: NodeName, bDevice: string): LabLink {
  return { ends: [{ node: a, device: aDevice }, { node: b, device: bDevice }] };
}
