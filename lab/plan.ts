import type { LabNode, NodeName, Topology } from "./topology.ts";

/** What brings one namespace from new to ready: kernel settings first, links exist by then. */
export interface NodePlan {
  readonly node: NodeName;
  readonly namespace: string;
  /** `net/ipv4/ip_forward` to its value; written before any interface exists. */
  readonly settings: readonly (readonly [path: string, value: string])[];
  /** Lines for `ip -n NAMESPACE -batch -`. */
  readonly commands: readonly string[];
}

export interface LabPlan {
  readonly namespaces: readonly string[];
  /** Lines for `ip -batch -` in the host's namespace; no interface ever appears there. */
  readonly links: readonly string[];
  readonly nodes: readonly NodePlan[];
}

/** The namespace of a node: `bypath-nat`. */
export function namespaceOf(lab: string, node: NodeName): string {
  return `${lab}-${node}`;
}

export interface PlanOptions {
  /** False on a kernel without IPv6: the lab has IPv4 alone then. Default: true. */
  readonly ipv6?: boolean;
}

/** Everything `ip` has to do for a lab of that name. Pure. */
export function planLab(lab: string, topology: Topology, options: PlanOptions = {}): LabPlan {
  const { ipv6 = true } = options;
  const links = topology.links.map(({ ends: [a, b] }) =>
    `link add name ${a.device} netns ${namespaceOf(lab, a.node)} type veth ` +
    `peer name ${b.device} netns ${namespaceOf(lab, b.node)}`
  );
  return {
    namespaces: topology.nodes.map((node) => namespaceOf(lab, node.name)),
    links,
    nodes: topology.nodes.map((node) => ({
      node: node.name,
      namespace: namespaceOf(lab, node.name),
      settings: settingsOf(node),
      commands: commandsOf(node).filter((command) => ipv6 || !command.includes(":")),
    })),
  };
}

function settingsOf(node: LabNode): [string, string][] {
  const forwards = node.forwards ? "1" : "0";
  return [
    ["net/ipv4/ip_forward", forwards],
    ["net/ipv6/conf/all/forwarding", forwards],
    // The larger of "all" and the interface counts: strict filtering would drop what reaches a
    // server once the agent's route for the SNAT addresses exists.
    ["net/ipv4/conf/all/rp_filter", "0"],
    ["net/ipv4/conf/default/rp_filter", "0"],
    ["net/ipv4/conf/all/send_redirects", "0"],
    ["net/ipv4/conf/default/send_redirects", "0"],
    // A receiver gives a datagram up when more fragments than this (64) of the same sender come between two of its own
    // (ip-sysctl, ipfrag_max_dist). On a busy host they do: a sending thread goes to another CPU, whose queue is shorter.
    ["net/ipv4/ipfrag_max_dist", "0"],
    ["net/ipv6/conf/default/accept_dad", "0"],
    ["net/ipv6/conf/default/accept_ra", "0"],
    ...(node.bridge === undefined ? [] : SWITCH_SETTINGS),
  ];
}

/** A switch asks nobody's firewall, and puts no fragments together for it (br_netfilter). */
const SWITCH_SETTINGS: [string, string][] = ["iptables", "ip6tables", "arptables"]
  .map((table) => [`net/bridge/bridge-nf-call-${table}`, "0"]);

function commandsOf(node: LabNode): string[] {
  const commands = ["link set dev lo up"];
  if (node.bridge !== undefined) {
    commands.push(`link add name ${node.bridge} type bridge`, `link set dev ${node.bridge} up`);
  }
  for (const { device, addresses } of node.interfaces) {
    if (node.bridge !== undefined) commands.push(`link set dev ${device} master ${node.bridge}`);
    for (const address of addresses) {
      commands.push(`address add ${address} dev ${device}${address.includes(":") ? " nodad" : ""}`);
    }
    commands.push(`link set dev ${device} up`);
  }
  for (const { to, via } of node.routes) {
    commands.push(`route add ${to} via ${via}`);
  }
  return commands;
}
