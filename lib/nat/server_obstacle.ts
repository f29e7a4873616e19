import { U16, U8 } from "../session/layout.ts";
import { REASON } from "../session/path_reason.ts";
import { SessionViewer } from "../session/session_view.ts";
import { protocolName } from "../wire/protocol.ts";
import type { Obstacle } from "./obstacles.ts";
import type { NatMachine } from "./nat_machine.ts";
import { servicesByVip } from "./session_notes.ts";

/** A server that is down, or that the configuration no longer names, gets no instructions. */
export function serverObstacle(machine: NatMachine): Obstacle {
  const { records } = machine.state;
  const viewer = new SessionViewer(records);
  let config = machine.config;
  let services = servicesByVip(config);
  return (slot) => {
    if (machine.config !== config) {
      config = machine.config;
      services = servicesByVip(config);
    }
    const vip = viewer.endpointText(records.getU16(slot, U16.vip));
    const protocol = protocolName(records.getU8(slot, U8.protocol));
    const service = services.get(`${protocol} ${vip}`);
    if (service === undefined) return null;
    const server = machine.servers.get(
      service.name,
      viewer.endpointText(records.getU16(slot, U16.server)),
    );
    if (server === undefined) return { reason: REASON.draining, value: 0 };
    return server.health.status === "down" ? { reason: REASON.serverDown, value: 0 } : null;
  };
}
