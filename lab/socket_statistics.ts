import type { Lab } from "./lab.ts";
import type { NodeName } from "./topology.ts";

/** A TCP socket of a node, as ss(8) shows it. */
export interface TcpSocket {
  readonly local: string;
  readonly peer: string;
  /** Segments that this end has sent again so far. */
  readonly retransmitted: number;
}

/** The TCP sockets of a node that have a connection. */
export async function tcpSockets(lab: Lab, node: NodeName): Promise<TcpSocket[]> {
  return parseSocketStatistics(await lab.mustRun(node, ["ss", "-HtinO", "state", "connected"]));
}

/**
 * Lines of `ss -HtinO`: `ESTAB 0 0 10.0.0.11:8090 10.0.1.1:1024 cubic … retrans:0/3 …`. What is
 * not there was never needed.
 */
export function parseSocketStatistics(text: string): TcpSocket[] {
  return text.split("\n").filter((line) => line !== "").map((line) => {
    const [local = "", peer = ""] = line.split(/\s+/).filter((field) => /[\]\d]:\d+$/.test(field));
    const total = /\bretrans:\d+\/(\d+)/.exec(line)?.[1] ?? "0";
    return { local: plain(local), peer: plain(peer), retransmitted: Number(total) };
  });
}

/** What was sent again on both ends of a connection: those of any node that one of `names` names. */
export function sumRetransmitted(
  nodes: readonly (readonly TcpSocket[])[],
  names: readonly string[],
): number {
  return nodes.flat()
    .filter(({ local, peer }) => names.includes(local) || names.includes(peer))
    .reduce((sum, each) => sum + each.retransmitted, 0);
}

/** Sockets for both families show IPv4 as `[::ffff:10.0.0.11]:80`. */
function plain(endpoint: string): string {
  return endpoint.replace(/^\[::ffff:([\d.]+)\]/, "$1");
}
