/**
 * `deno run -A send_frames.ts ROLE DEVICE MAC COUNT SEED`: sends hostile frames by an interface, as the
 * clients' side of a NAT machine (`client`), as its servers' side (`server`), or into the tun device of
 * an agent (`tun`, without a MAC address). Run in the namespace that the frames come from. Prints how
 * many left, and how many of them are addressed to the NAT machine.
 */
import { openPacketSocket } from "../../../lib/linux/packet_socket.ts";
import { mapAnonymous } from "../../../lib/linux/memory.ts";
import { SendQueue } from "../../../lib/linux/send_queue.ts";
import { parseMac } from "../../../lib/wire/ethernet.ts";
import { Random } from "./random.ts";
import { layoutOf } from "./reference.ts";
import { type Places, Traffic } from "./traffic.ts";

const SLOT_BYTES = 2048;
const BATCH = 64;
const LARGEST_FRAME_BYTES = 1514;

/** The lab's clients but the one that downloads, and its services. */
const CLIENT_SIDE: Places = {
  clients: {
    4: [3, 4, 5, 6, 7, 8, 9].map((host) => `198.51.100.${host}`),
    6: ["2001:db8:c::77", "2001:db8:c::78"],
  },
  services: [
    { protocol: "tcp", family: 4, vip: "203.0.113.10:80", servers: [] },
    { protocol: "udp", family: 4, vip: "203.0.113.10:9000", servers: [] },
    { protocol: "tcp", family: 6, vip: "[2001:db8:f::10]:80", servers: [] },
    { protocol: "udp", family: 6, vip: "[2001:db8:f::10]:9000", servers: [] },
  ],
  odd: {
    4: ["10.0.0.11", "10.0.1.1", "203.0.113.10", "127.0.0.1", "255.255.255.255", "224.0.0.1"],
    6: ["2001:db8:10::11", "2001:db8:1::1", "::1", "ff02::1"],
  },
  routers: { 4: ["192.0.2.1"], 6: ["2001:db8:2::1"] },
};

/**
 * A hostile server, which opens towards SNAT addresses. Not from the port of the download's server: who
 * is a session's server may well end that session.
 */
const SERVER_SIDE: Places = {
  clients: { 4: ["10.0.0.12"], 6: ["2001:db8:10::12"] },
  services: [1, 2, 3, 4].flatMap((host) => [
    { protocol: "tcp", family: 4, vip: `10.0.1.${host}:${1024 + host}`, servers: [] },
    { protocol: "udp", family: 4, vip: `10.0.1.${host}:${9000 + host}`, servers: [] },
    { protocol: "udp", family: 6, vip: `[2001:db8:1::${host}]:9000`, servers: [] },
  ]),
  odd: { 4: ["198.51.100.3", "203.0.113.10"], 6: ["2001:db8:f::10"] },
  routers: { 4: ["10.0.0.254"], 6: ["2001:db8:10::fe"] },
};

/** Whether the NAT machine's socket filter lets a frame in: by its type and destination alone. */
function isForNat(frame: Uint8Array): boolean {
  const type = frame[12]! * 256 + frame[13]!;
  const isIpv4 = type === 0x0800;
  if (frame.length < 14 || (!isIpv4 && type !== 0x86dd)) return false;
  const at = isIpv4 ? 30 : 38;
  const to = frame.subarray(at, at + (isIpv4 ? 4 : 16));
  if (to.length < (isIpv4 ? 4 : 16)) return true;
  return isIpv4
    ? to.join(".") === "203.0.113.10" ||
      (to[0] === 10 && to[1] === 0 && to[2] === 1 && to[3]! < 5 &&
        to[3]! > 0)
    : [...FOR_NAT6].some((prefix) => prefix.every((byte, i) => byte === to[i]));
}

function bytesOf(...groups: number[]): number[] {
  return groups.flatMap((group) => [group >> 8, group & 255]);
}

const FOR_NAT6 = [
  bytesOf(0x2001, 0xdb8, 0xf, 0, 0, 0, 0, 0x10),
  ...[1, 2, 3, 4].map((host) => bytesOf(0x2001, 0xdb8, 1, 0, 0, 0, 0, host)),
];

/** The packet with its ends exchanged, as if it had been answered: what errors can be about. */
function answerTo(bytes: Uint8Array): Uint8Array<ArrayBuffer> | null {
  const layout = layoutOf(bytes);
  if (layout === null || layout.l4 + 8 > bytes.length) return null;
  const answer = new Uint8Array(bytes);
  const [at, width] = layout.family === 4 ? [12, 4] : [8, 16];
  answer.copyWithin(at, at + width, at + 2 * width);
  answer.set(bytes.subarray(at, at + width), at + width);
  const hasPorts = layout.protocol === 6 || layout.protocol === 17;
  if (hasPorts && layout.fragmentOffset === 0) {
    answer.copyWithin(layout.l4, layout.l4 + 2, layout.l4 + 4);
    answer.set(bytes.subarray(layout.l4, layout.l4 + 2), layout.l4 + 2);
  }
  return answer;
}

async function main(args: readonly string[]): Promise<void> {
  const [role = "", device = "", mac = "", count = "0", seed = "0"] = args;
  const random = new Random(Number(seed));
  const places = role === "client" ? CLIENT_SIDE : SERVER_SIDE;
  const traffic = new Traffic(places, random);
  const folder = `/sys/class/net/${device}`;
  const interfaceIndex = Number(await Deno.readTextFile(`${folder}/ifindex`));
  const link = role === "tun" ? new Uint8Array(0) : Uint8Array.from([
    ...parseMac(mac),
    ...parseMac((await Deno.readTextFile(`${folder}/address`)).trim()),
  ]);
  using socket = openPacketSocket({ interfaceIndex, protocol: 0, vnetHeader: false });
  using memory = mapAnonymous(BATCH * SLOT_BYTES);
  using queue = new SendQueue(memory, { capacity: BATCH, waitMs: 1000 });
  const buffer = new Uint8Array(memory.buffer);
  let sent = 0;
  let forNat = 0;
  let waiting = 0;
  for (let made = 0; made < Number(count); made++) {
    const flying = traffic.next();
    const room = LARGEST_FRAME_BYTES - 14;
    const bytes = flying.bytes.subarray(0, room);
    const isV6 = bytes.length > 0 && bytes[0]! >> 4 === 6;
    const type = random.chance(0.98)
      ? isV6 ? [0x86, 0xdd] : [8, 0]
      : random.pick([[8, 6], [0x81, 0], [0, 60], [8, 0], [0x86, 0xdd]]);
    const header = role === "tun" ? link : Uint8Array.from([...link, ...type]);
    const at = queue.length * SLOT_BYTES;
    buffer.set(header, at);
    buffer.set(bytes, at + header.length);
    const length = header.length + bytes.length;
    if (length < (role === "tun" ? 20 : 14)) continue;
    queue.push(at, length);
    if (role !== "tun" && isForNat(buffer.subarray(at, at + length))) waiting++;
    const kind = layoutOf(flying.bytes);
    const signal = kind === null ? "none" : `${kind.family} ${kind.protocol} ${kind.isFragment}`;
    traffic.learn(flying, signal, answerTo(flying.bytes));
    if (queue.full) {
      sent += queue.flush(socket.fd.number);
      forNat += waiting;
      waiting = 0;
    }
  }
  sent += queue.flush(socket.fd.number);
  forNat += waiting;
  console.log(JSON.stringify({ event: "sent", sent, failed: queue.failed, forNat }));
}

await main(Deno.args);
