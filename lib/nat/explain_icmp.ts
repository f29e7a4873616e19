import { AdminError } from "../control/admin_protocol.ts";
import { IpAddress, parseEndpoint } from "../wire/address.ts";
import { rangeContains } from "../wire/prefix.ts";
import type { ExplainContext, ExplainStep, Explanation, NamedPacket } from "./explain.ts";

/** An ICMP message as an operator names it. */
export interface IcmpPacket {
  readonly protocol: "icmp";
  readonly source: string;
  readonly destination: string;
  /** It is an error about this packet; absent: an echo request. */
  readonly about?: NamedPacket;
}

/** What would happen to an echo request or an error now, rule by rule. */
export function explainIcmp(packet: IcmpPacket, context: ExplainContext): Explanation {
  const address = addressOf(packet.destination);
  const { services, snat, echo } = context.config;
  const isSnat = snat.addresses.some((range) => rangeContains(range, address));
  const isVip = services.some(({ vip }) => vip.address.equals(address));
  const direction: ExplainStep = {
    step: "direction",
    result: isSnat ? "to a SNAT address" : isVip ? "to a VIP" : "to neither",
    detail: isSnat
      ? "from a server, or from a router before it"
      : isVip
      ? "from a client, or from a router before it"
      : `${address} is neither a VIP nor a SNAT address`,
  };
  if (!isSnat && !isVip) return none([direction], "dropped: noService");
  if (packet.about === undefined) {
    const answers = isVip && echo;
    const kind: ExplainStep = {
      step: "kind",
      result: "echo request",
      detail: isVip
        ? `VIPs answer them: ${echo ? "on" : "off"} by configuration; a number a second is answered`
        : "SNAT addresses answer none",
    };
    const verdict = answers
      ? `answered with an echo reply to ${packet.source}`
      : `dropped: ${isVip ? "echo" : "unsupportedProtocol"}`;
    return none([direction, kind], verdict);
  }
  return explainError(packet.about, { packet, context, isSnat, direction });
}

function explainError(
  about: NamedPacket,
  { packet, context, isSnat, direction }: {
    packet: IcmpPacket;
    context: ExplainContext;
    isSnat: boolean;
    direction: ExplainStep;
  },
): Explanation {
  // The quote is a packet that was sent from here: turned round it is one that comes.
  const turned = { ...about, source: about.destination, destination: about.source };
  const session = context.find(turned, isSnat ? "outbound" : "inbound");
  const quote = `${about.protocol} ${about.source} > ${about.destination}`;
  const steps: ExplainStep[] = [direction, {
    step: "session",
    result: session?.id ?? "none",
    detail: session === null
      ? `no session has sent ${quote}`
      : `${session.state}; the quoted packet ${quote} is one that it may have sent`,
  }];
  if (session === null) return none(steps, "dropped: noSession");
  steps.push({
    step: "plausible",
    result: about.protocol === "tcp" ? "asked" : "not asked",
    detail: about.protocol === "tcp"
      ? "the quoted sequence number must be one that may be on its way, or it is dropped: badError"
      : "a datagram has no sequence number to compare",
  });
  if (isSnat) {
    return {
      steps,
      verdict: `sent to ${session.client} with ${session.vip} in the place of addresses of the ` +
        "servers' network",
      session,
    };
  }
  if (about.protocol === "tcp") {
    steps.push({
      step: "path MTU",
      result: session.pathMtu === null ? "not known" : `${session.pathMtu} bytes`,
      detail: "an error that says too big is kept with the session and goes no further: larger " +
        "packets leave in smaller segments",
    });
  }
  const isRouter = packet.source !== String(parseEndpoint(session.client).address);
  steps.push({
    step: "direct path",
    result: session.packets.viaBypass > 0 && isRouter ? "is asked" : "not concerned",
    detail: "an error by a router about a session that has bypassed may mean that direct packets " +
      "do not arrive",
  });
  return {
    steps,
    verdict: `sent to ${session.server} as an error about ${session.server} > ${session.nat}`,
    session,
  };
}

function none(steps: readonly ExplainStep[], verdict: string): Explanation {
  return { steps, verdict, session: null };
}

function addressOf(text: string): IpAddress {
  try {
    return IpAddress.parse(text);
  } catch (error) {
    throw new AdminError((error as Error).message, 2);
  }
}
