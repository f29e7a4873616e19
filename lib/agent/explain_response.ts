import { humanDuration } from "../config/human.ts";
import type { Ability, Announcement } from "../control/messages.ts";
import { AdminError } from "../control/admin_protocol.ts";
import { familyName, IpAddress, parseEndpoint } from "../wire/address.ts";
import { rangeContains } from "../wire/prefix.ts";
import type { HeldView } from "./instruction_store.ts";
import type { NatLinkView } from "./nat_links.ts";

/** What explaining needs to know of the running agent. */
export interface ResponseContext {
  readonly ability: Ability;
  /** The tun device. */
  readonly device: string;
  readonly links: readonly NatLinkView[];
  readonly announced: ReadonlyMap<string, Announcement>;
  readonly instructions: () => Iterable<HeldView>;
}

interface Step {
  readonly step: string;
  readonly result: string;
  readonly detail: string;
}

interface Response {
  readonly protocol: string;
  readonly source: string;
  readonly destination: string;
  readonly fragment?: boolean;
}

const VIA_NAT = "sent unchanged to the NAT machine";

/** What would happen to a response packet of this server now, rule by rule. */
export function explainResponse(packet: Response, context: ResponseContext) {
  const { protocol, source, destination, fragment } = packet;
  if (protocol === "icmp") {
    const detail = "what is neither TCP nor UDP is for the NAT machine to understand";
    return result([{ step: "protocol", result: "icmp", detail }], VIA_NAT);
  }
  const address = addressOf(destination);
  const nat = [...context.announced].find(([, { snat }]) =>
    snat.some(({ first, last }) => {
      const range = { first: IpAddress.parse(first), last: IpAddress.parse(last) };
      return range.first.family === address.family && rangeContains(range, address);
    })
  );
  const steps: Step[] = [{
    step: "direction",
    result: nat === undefined ? "none of ours" : "response",
    detail: nat === undefined
      ? `${address} is no SNAT address of a NAT machine: it does not come through ${context.device}`
      : `${address} is a SNAT address of ${nat[0]}`,
  }];
  if (nat === undefined) return result(steps, "sent by the server's own routes");
  const link = context.links.find((it) => it.address === nat[0]);
  steps.push({
    step: "NAT machine",
    result: link?.connected ? "connected" : "not connected",
    detail: link?.connected
      ? `${link.name} at ${nat[0]}, which renews the leases`
      : `${link?.reason ?? "no reason is known"}; instructions live on for their lease`,
  });
  const obstacle = obstacleOf(context.ability, address);
  steps.push({
    step: "able",
    result: obstacle === null ? "yes" : "no",
    detail: obstacle ?? `responses to SNAT addresses come through ${context.device}`,
  });
  if (fragment) {
    const detail = "only the NAT machine puts fragments with the session of their first one";
    steps.push({ step: "fragment", result: "via NAT", detail });
    return result(steps, VIA_NAT);
  }
  const found = [...context.instructions()].find((it) =>
    it.protocol === protocol && it.match.source === source && it.match.destination === destination
  );
  if (found === undefined) {
    const service = nat[1].servers.includes(source)
      ? `${source} is a server of ${nat[0]}, the session has no instruction`
      : `${source} is no server of ${nat[0]}`;
    steps.push({ step: "instruction", result: "none", detail: service });
    return result(steps, VIA_NAT);
  }
  const leaseMs = Math.round(found.leaseMs);
  steps.push({
    step: "instruction",
    result: `${found.session} generation ${found.generation}, ${found.state}`,
    detail: `source becomes ${found.rewrite.source}, destination ${found.rewrite.destination}; ` +
      `${found.packets} packets and ${found.bytes} bytes so far`,
  }, {
    step: "lease",
    result: leaseMs > 0 ? humanDuration(leaseMs) : "run out",
    detail: "each answered report renews it; afterwards the instruction is not used",
  });
  if (found.pathMtu !== undefined) {
    steps.push({
      step: "path MTU",
      result: `${found.pathMtu} bytes`,
      detail: "larger packets leave in smaller segments",
    });
  }
  if (protocol === "tcp") {
    steps.push({
      step: "flags",
      result: "no SYN",
      detail: "a SYN belongs to another session: it would end the use of this instruction",
    });
  }
  const isUsable = found.state === "live" && leaseMs > 0 && obstacle === null;
  return result(
    steps,
    isUsable ? `sent to ${found.rewrite.destination} directly, bypassing the NAT machine` : VIA_NAT,
  );
}

function result(steps: readonly Step[], verdict: string) {
  return { steps, verdict, session: null };
}

/** Why responses to an address of that family cannot bypass, or null. */
function obstacleOf({ able, reason, unable = {} }: Ability, address: IpAddress): string | null {
  if (!able) return reason ?? "";
  return unable[familyName(address)] ?? null;
}

function addressOf(endpoint: string): IpAddress {
  try {
    return parseEndpoint(endpoint).address;
  } catch (error) {
    throw new AdminError((error as Error).message, 2);
  }
}
