/**
 * `deno run -A owned_tap.ts VIP PORT`: watches, on the lab's router, what comes to clients from there, and tells
 * every second, as JSON, whether all of it belongs to connections that the clients opened.
 */
import { MessageBatch } from "../../../lib/linux/message_batch.ts";
import { openPacketSocket } from "../../../lib/linux/packet_socket.ts";
import { waitReadable } from "../../../lib/linux/poll.ts";
import { RouteNetlink } from "../../../lib/linux/rtnetlink.ts";
import { IpAddress } from "../../../lib/wire/address.ts";
import { TcpView } from "../../../lib/wire/tcp.ts";
import { OwnershipWatch, type Segment } from "./owned_session.ts";

/** What the tap prints. */
export interface TapReport {
  readonly segments: number;
  /** Of these: straight from a server. */
  readonly direct: number;
  readonly datagrams: number;
  readonly connections: number;
  readonly earlier: number;
  readonly strangerCount: number;
  readonly strangers: readonly string[];
  /** Packets that the tap could not take: it has seen the others only. */
  readonly missed: number;
}

const ETH_P_IP = 0x0800;
const ETH_P_ALL = 3;
const PACKET_HOST = 0;
const ETHERNET_HEADER_BYTES = 14;
const PROTOCOL_TCP = 6;
const PROTOCOL_UDP = 17;
const UDP_HEADER_BYTES = 8;
const RECEIVE_BUFFER_BYTES = 256 * 1024 * 1024;

const [vip = "", port = ""] = Deno.args;
const netlink = new RouteNetlink();
// One socket for all devices, so that packets come in the order in which they came.
const socket = openPacketSocket({
  interfaceIndex: 0,
  protocol: ETH_P_ALL,
  vnetHeader: false,
  receiveBufferBytes: RECEIVE_BUFFER_BYTES,
});
const addressOf = (device: string) => netlink.link(device)!.linkLayerAddress.toHex();
/** The device that a frame came in by is the one that it is addressed to. */
const CLIENTS = addressOf("eth0");
const SERVERS = addressOf("eth2");
const watch = new OwnershipWatch();
let missed = 0;
const tell = () => {
  missed = socket.statistics().drops;
  const { segments, direct, datagrams, connections, earlier, strangerCount, strangers } = watch;
  const counted = { segments, direct, datagrams, connections, earlier };
  const report = { ...counted, strangerCount, strangers, missed };
  console.log(JSON.stringify(report satisfies TapReport));
};
tell();
setInterval(tell, 1_000);
const batch = new MessageBatch();
for (;;) {
  await waitReadable(socket.fd.number, 200);
  for (let count = batch.receive(socket.fd.number); count > 0;) {
    for (let i = 0; i < count; i++) look(i);
    count = batch.receive(socket.fd.number);
  }
}

function look(i: number): void {
  const frame = new Uint8Array(batch.buffer, batch.slotOffset(i), batch.receivedBytes(i));
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (batch.packetType(i) !== PACKET_HOST || view.getUint16(12) !== ETH_P_IP) return;
  const ip = frame.subarray(ETHERNET_HEADER_BYTES);
  const address = (at: number) => String(IpAddress.fromBytes(ip.slice(at, at + 4)));
  const [source, destination] = [address(12), address(16)];
  const upper = ip.subarray((ip[0]! & 15) * 4, view.getUint16(ETHERNET_HEADER_BYTES + 2));
  const device = frame.subarray(0, 6).toHex();
  const [from, to] = [upper[0]! << 8 | upper[1]!, upper[2]! << 8 | upper[3]!];
  if (ip[9] === PROTOCOL_UDP) {
    // Agents probe their way with datagrams of another port.
    if (device === CLIENTS || source !== vip || from !== Number(port)) return;
    watch.datagram(`${destination}:${to}`, upper.subarray(UDP_HEADER_BYTES));
    return;
  }
  if (ip[9] !== PROTOCOL_TCP) return;
  const header = new TcpView(upper);
  const segment = (client: string, port: number): Segment => ({
    client: `${client}:${port}`,
    flags: upper[13]!,
    sequence: header.sequence >>> 0,
    acknowledgement: header.acknowledgement >>> 0,
    payload: upper.subarray(header.headerBytes),
  });
  if (device === CLIENTS) {
    if (destination === vip) watch.sent(segment(source, from));
  } else if (source === vip) {
    const direct = device === SERVERS;
    watch.came(segment(destination, to), { direct });
  }
}
