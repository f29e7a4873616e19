/** A packet worker without packets: tells as many events as its start asks for. */
import { PacketThreadEnd, type PacketThreadShared, servePackets } from "./packet_thread_end.ts";

export interface EventsStart {
  readonly kind: "start";
  readonly shared: PacketThreadShared;
  readonly events: number;
}

servePackets<EventsStart, { readonly kind: "quit" }>(({ shared, events }) => {
  const end = new PacketThreadEnd(shared);
  for (let n = 0; n < events; n++) end.tell(n, 0, 0, 0);
  return { message: () => false, run: () => {} };
});
