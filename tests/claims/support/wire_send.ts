/**
 * `deno run -A wire_send.ts DEVICE`: sends the packets on its standard input, one in hexadecimal a
 * line, out of a device without link-layer headers, as they are.
 */
import { lastErrno, LinuxError } from "../../../lib/linux/error.ts";
import { openLibc } from "../../../lib/linux/libc.ts";
import { openPacketSocket } from "../../../lib/linux/packet_socket.ts";
import { RouteNetlink } from "../../../lib/linux/rtnetlink.ts";

const ETH_P_IP = 0x0800;

const [device = ""] = Deno.args;
const link = new RouteNetlink().link(device);
if (link === undefined) throw new Error(`No device "${device}"`);
using socket = openPacketSocket({
  interfaceIndex: link.index,
  protocol: ETH_P_IP,
  vnetHeader: false,
});
const input = await new Response(Deno.stdin.readable).text();
for (const line of input.trim().split("\n")) {
  const bytes = Uint8Array.fromHex(line);
  const length = BigInt(bytes.length);
  const sent = openLibc().sendto(socket.fd.number, bytes, length, 0, null, 0);
  const errno = lastErrno();
  if (sent < 0) throw new LinuxError(`send to "${device}"`, errno, { call: "sendto" });
}
