import type { Announcement, Probe, Probed } from "../control/messages.ts";
import { asReason } from "../control/messages.ts";
import { FrameSender } from "../datapath/frame_sender.ts";
import { openPacketSocket } from "../linux/packet_socket.ts";
import type { RouteNetlink } from "../linux/rtnetlink.ts";
import { IpAddress, parseEndpoint } from "../wire/address.ts";
import { rangeContains } from "../wire/prefix.ts";
import { datagramProbe, echoProbe } from "../wire/path_probe.ts";
import { directWay, routerMac } from "./direct_way.ts";

/** The most probes within a second: a NAT machine tests each of its virtual addresses a few times. */
const PROBES_PER_SECOND = 500;

/** Sends a NAT machine's probes the way that responses to clients take, beside the packet worker. */
export class PathProber {
  readonly #netlink: RouteNetlink;
  readonly #interface: string | undefined;
  #second = 0;
  #probesInSecond = 0;

  /** @param interfaceName where direct responses leave; undefined: by the routing table */
  constructor(netlink: RouteNetlink, interfaceName: string | undefined) {
    this.#netlink = netlink;
    this.#interface = interfaceName;
  }

  /** Sends what is asked for, as far as it was announced. Never throws. */
  async probe(probe: Probe, announced: Announcement): Promise<Probed> {
    const { nonce } = probe;
    try {
      return { type: "probed", nonce, sent: await this.#send(probe, announced), reason: null };
    } catch (error) {
      const reason = asReason(error instanceof Error ? error.message : String(error));
      return { type: "probed", nonce, sent: 0, reason };
    }
  }

  async #send({ nonce, source, destinations }: Probe, announced: Announcement): Promise<number> {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) this.#probesInSecond = 0;
    this.#second = second;
    if (++this.#probesInSecond > PROBES_PER_SECOND) throw new Error("too many probes");
    const from = IpAddress.parse(source);
    const to = destinations.map((it) => IpAddress.parse(it));
    const problem = probeProblem(from, to, announced);
    if (problem !== null) throw new Error(problem);
    const way = directWay(this.#netlink, from.family, this.#interface);
    if (typeof way === "string") throw new Error(way);
    const destinationMac = await routerMac(this.#netlink, way);
    if (destinationMac === null) {
      throw new Error(`the router ${IpAddress.fromBytes(way.gateway)} does not answer`);
    }
    const sourceMac = way.link.linkLayerAddress;
    using socket = openPacketSocket({
      interfaceIndex: way.link.index,
      protocol: 0,
      vnetHeader: false,
    });
    using sender = new FrameSender();
    const common = { source: from, nonce, sourceMac, destinationMac };
    const frames = [
      ...to.map((destination) => datagramProbe({ ...common, destination })),
      echoProbe({ ...common, destination: IpAddress.fromBytes(way.gateway) }),
    ];
    const sent = sender.send(socket.fd.number, frames);
    if (sent === 0) throw new Error(`${way.link.name} takes no packets`);
    return sent;
  }
}

/** Why this agent does not send such a packet, or null. */
function probeProblem(
  source: IpAddress,
  destinations: readonly IpAddress[],
  announced: Announcement,
): string | null {
  const vips = announced.services.map(({ vip }) => parseEndpoint(vip).address);
  if (!vips.some((vip) => vip.equals(source))) return `${source} was not announced as a VIP`;
  for (const destination of destinations) {
    const isSnat = announced.snat.some(({ first, last }) =>
      rangeContains({ first: IpAddress.parse(first), last: IpAddress.parse(last) }, destination)
    );
    if (destination.family === source.family && isSnat) continue;
    if (vips.some((vip) => vip.equals(destination)) && destination.family === source.family) {
      continue;
    }
    return `${destination} was not announced`;
  }
  return null;
}
