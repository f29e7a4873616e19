import type { Lab } from "../../../lab/lab.ts";
import type { NodeName } from "../../../lab/topology.ts";

/** What the kernel counted of one direction of a session. Super-packets count once. */
export interface FlowCount {
  readonly packets: number;
  /** IP bytes. */
  readonly bytes: number;
}

/** The response packets of a session that came to the router, by the way they had taken. */
export interface Responses {
  readonly viaNat: FlowCount;
  readonly direct: FlowCount;
}

export type Protocol = "tcp" | "udp";

/** Interfaces whose incoming packets are counted session by session. */
const PLACES = [
  // What the NAT machine sends to clients.
  ["router", "eth1"],
  // What comes from the servers' network straight to the router.
  ["router", "eth2"],
  // What the servers send. Not at the NAT machine: its kernel may be spared these packets.
  ["switch", "s1"],
  ["switch", "s2"],
  ["client", "eth0"],
] as const satisfies readonly (readonly [NodeName, string])[];

const KEY = "meta l4proto . ip saddr . th sport . ip daddr . th dport";

/**
 * Counters of the kernel (nftables) for each session at the interfaces that a response packet may
 * come in by: what the interface counters tell of all sessions together, these tell of each. They
 * see a packet as it comes from the wire, and change nothing.
 */
export class FlowCounters {
  readonly #lab: Lab;

  private constructor(lab: Lab) {
    this.#lab = lab;
  }

  static async install(lab: Lab): Promise<FlowCounters> {
    const nodes = [...new Set(PLACES.map(([node]) => node))];
    await Promise.all(nodes.map((node) => {
      const devices = PLACES.filter(([each]) => each === node).map(([, device]) => device);
      return lab.mustRun(node, ["nft", "-f", "-"], ruleset(devices));
    }));
    return new FlowCounters(lab);
  }

  /** The response packets for an endpoint of the client. */
  async responses(client: string, protocol: Protocol): Promise<Responses> {
    const concerns = (flow: Flow) => flow.protocol === protocol && flow.destination === client;
    const [viaNat, direct] = await Promise.all([
      this.#sum("router", "eth1", concerns),
      this.#sum("router", "eth2", concerns),
    ]);
    return { viaNat, direct };
  }

  /** The packets that a server sent to the NAT machine for a NAT endpoint. */
  async intoNat(server: string, nat: string, protocol: Protocol): Promise<FlowCount> {
    const concerns = (flow: Flow) =>
      flow.protocol === protocol && flow.source === server && flow.destination === nat;
    const [s1, s2] = await Promise.all([
      this.#sum("switch", "s1", concerns),
      this.#sum("switch", "s2", concerns),
    ]);
    return { packets: s1.packets + s2.packets, bytes: s1.bytes + s2.bytes };
  }

  /** Everybody from whom TCP or UDP packets came to the client. */
  async clientHeardFrom(): Promise<string[]> {
    const flows = await this.#flows("client", "eth0");
    return [...new Set(flows.map((flow) => flow.source))].sort();
  }

  async #sum(
    node: NodeName,
    device: string,
    concerns: (flow: Flow) => boolean,
  ): Promise<FlowCount> {
    let packets = 0;
    let bytes = 0;
    for (const flow of (await this.#flows(node, device)).filter(concerns)) {
      packets += flow.count.packets;
      bytes += flow.count.bytes;
    }
    return { packets, bytes };
  }

  async #flows(node: NodeName, device: string): Promise<Flow[]> {
    const list = ["nft", "--json", "list", "set", "netdev", TABLE, device];
    const { nftables } = JSON.parse(await this.#lab.mustRun(node, list)) as Listing;
    const elements = nftables.flatMap(({ set }) => set?.elem ?? []);
    return elements.map(({ elem: { val: { concat }, counter } }) => {
      const [protocol, source, sourcePort, destination, destinationPort] = concat;
      return {
        protocol,
        source: `${source}:${sourcePort}`,
        destination: `${destination}:${destinationPort}`,
        count: counter,
      };
    });
  }
}

/** Later minus earlier. */
export function since(earlier: Responses, later: Responses): Responses {
  return {
    viaNat: minus(later.viaNat, earlier.viaNat),
    direct: minus(later.direct, earlier.direct),
  };
}

function minus(a: FlowCount, b: FlowCount): FlowCount {
  return { packets: a.packets - b.packets, bytes: a.bytes - b.bytes };
}

interface Flow {
  readonly protocol: string;
  readonly source: string;
  readonly destination: string;
  readonly count: FlowCount;
}

/** What `nft --json list set` prints, as far as it is read. */
interface Listing {
  readonly nftables: readonly {
    readonly set?: {
      readonly elem?: readonly {
        readonly elem: {
          readonly val: { readonly concat: readonly [string, string, number, string, number] };
          readonly counter: FlowCount;
        };
      }[];
    };
  }[];
}

const TABLE = "claims";

/**
 * At the ingress of devices, which a switch has too. One set for each: nft 1.0.6 cannot list a set with
 * interface names in its keys.
 */
function ruleset(devices: readonly string[]): string {
  const parts = devices.map((device) =>
    `set ${device} { typeof ${KEY}; size 65535; flags dynamic; counter; }
    chain ${device} {
      type filter hook ingress device ${device} priority 0; policy accept;
      meta l4proto { tcp, udp } update @${device} { ${KEY} }
    }`
  );
  return `table netdev ${TABLE} {
    ${parts.join("\n    ")}
  }`;
}
