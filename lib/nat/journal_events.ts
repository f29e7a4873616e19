import type { LoggedEvent } from "../control/event_log.ts";
import { bootTimeMs } from "../linux/clock.ts";
import { JOURNAL_OPENED } from "../session/journal.ts";
import { formatSessionId } from "../session/session_id.ts";
import { SessionViewer } from "../session/session_view.ts";
import { formatEndpoint, IpAddress } from "../wire/address.ts";
import { protocolName } from "../wire/protocol.ts";
import type { NatMachine } from "./nat_machine.ts";
import { CLOSE_NAMES } from "./session_keeper.ts";

/** The workers' journals between two positions, as events; default: all of them. */
export function journalEvents(
  machine: NatMachine,
  from?: readonly number[],
  until?: readonly number[],
): LoggedEvent[] {
  const { records } = machine.state;
  const viewer = new SessionViewer(records);
  const bootedAt = Date.now() - bootTimeMs();
  const services = new Map(
    machine.config.services.map((it) => [`${it.protocol} ${formatEndpoint(it.vip)}`, it.name]),
  );
  return machine.journals.read(from, until).map((entry) => {
    const opened = entry.kind === JOURNAL_OPENED;
    const [w0, w1, w2, w3] = entry.client;
    const address = IpAddress.fromWords(w0!, w1!, w2!, w3!);
    const protocol = protocolName(entry.protocol);
    const vip = viewer.endpointText(entry.vip);
    return {
      time: Math.round(bootedAt + entry.atMs),
      type: opened ? "session-opened" : "session-closed",
      session: formatSessionId(records.epoch, entry.id),
      service: services.get(`${protocol} ${vip}`) ?? vip,
      protocol,
      client: formatEndpoint({ address, port: entry.clientPort }),
      nat: viewer.joined(entry.natAddress, entry.natPort),
      server: viewer.endpointText(entry.server),
      ...(opened ? {} : { reason: CLOSE_NAMES[entry.reason] ?? "" }),
    };
  });
}
