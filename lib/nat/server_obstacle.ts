import { U16, U8 } from "../session/layout.ts";
import { REASON } from "../session/path_reason.ts";
import { SessionViewer } from "../session/session_view.ts";
import { formatEndpoint } from "../wire/address.ts";
import { protocolName } from "../wire/protocol.ts";
import type { Obstacle } from "./obstacles.ts";
import type { NatMachine } from "./nat_machine.ts";

/** A server that is down, or that the configuration no longer names, gets no instructions. */
export function serverObstacle(machine: NatMachine): Obstacle {
  const { records } = machine.state;
  const viewer = new SessionViewer(records);
  return (slot) => {
    const vip = viewer.endpointText(records.getU16(slot, U16.vip));
    const protocol = protocolName(records.getU8(slot, U8.protocol));
    const service = machine.config.services.find((it) =>
      it.protocol === protocol && formatEndpoint(it.vip) === vip
    );
    if (service === undefined) return null;
    const server = machine.servers.get(
      service.name,
      viewer.endpointText(records.getU16(slot, U16.server)),
    );
    if (server === undefined) return { reason: REASON.draining, value: 0 };
    return server.health.status === "down" ? { reason: REASON.serverDown, value: 0 } : null;
  };
}
