import assert from "node:assert/strict";
import { rootTest } from "../../tests/support/root_test.ts";
import { ROOT } from "./_test_end.ts";
import { disableIpv6, inNamespace, run } from "../../tests/support/namespace.ts";
import { AF_INET, POLLIN, SOCK_DGRAM } from "./constants.ts";
import { LinuxError } from "./error.ts";
import { openLibc } from "./libc.ts";
import { Poller } from "./poll.ts";
import { RouteNetlink } from "./rtnetlink.ts";
import { openSocket, setSocketOption } from "./socket.ts";
import { openTun, TunBatch, type TunDevice } from "./tun.ts";

const OPTIONS = { vnetHeader: true, offload: true } as const;
const IP = 24;
const NEEDS_CSUM = 1;
const GSO_UDP_L4 = 5;
/** udp(7) */
const SOL_UDP = 17;
const UDP_SEGMENT = 103;
const EIO = 5;
const EBADFD = 77;

rootTest("openTun() makes a device that lives as long as its descriptor", ROOT, async () => {
  await inNamespace(async () => {
    {
      using tun = openTun({ name: "bypath%d", ...OPTIONS });
      assert.equal(tun.name, "bypath0");
      const [link] = JSON.parse(await run("ip -j link show bypath0"));
      assert.equal(link.ifindex, tun.interfaceIndex);
      assert.throws(() => openTun({ name: "bypath0", ...OPTIONS }), (error: unknown) => {
        assert.ok(error instanceof LinuxError);
        assert.equal(
          error.message,
          'Cannot make the tun device "bypath0": device or resource busy',
        );
        return true;
      });
    }
    assert.ok(!(await run("ip link")).includes("bypath0"));
  });
});

rootTest("a packet routed into the device is read with its header apart", ROOT, async () => {
  await inTun(async (tun, batch) => {
    assert.equal(batch.receive(tun.fd.number), 0);
    new Uint8Array(batch.buffer).fill(0xa5);
    await run([Deno.execPath(), "eval", SEND_UDP]);
    assert.equal(batch.receive(tun.fd.number), 1);
    assert.equal(batch.receivedBytes(0), 28 + 5);
    const start = batch.slotOffset(0);
    const bytes = new Uint8Array(batch.buffer, start, IP + 28 + 5);
    // flags, gso_type, hdr_len, gso_size, csum_start, csum_offset
    const header = new DataView(batch.buffer, start);
    assert.deepEqual([bytes[0], bytes[1]], [NEEDS_CSUM, 0]);
    assert.deepEqual([header.getUint16(6, true), header.getUint16(8, true)], [20, 6]);
    assert.equal(bytes[IP], 0x45);
    assert.deepEqual([...bytes.subarray(IP + 12, IP + 20)], [10, 9, 0, 1, 10, 9, 0, 2]);
    assert.equal(new TextDecoder().decode(bytes.subarray(IP + 28)), "hello");
  });
});

rootTest("a device that gets no IPv6 addresses is silent, and carries IPv6", ROOT, async () => {
  await inNamespace(async () => {
    const received = async (ipv6Addresses: "none" | undefined) => {
      using tun = openTun({ name: "bypath%d", ...OPTIONS });
      using netlink = new RouteNetlink();
      using batch = new TunBatch({ slots: 8, slotBytes: 2048 });
      const index = tun.interfaceIndex;
      if (ipv6Addresses !== undefined) netlink.setLink({ index, ipv6Addresses });
      netlink.setLink({ index, up: true });
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      const noise = batch.receive(tun.fd.number);
      await run(`ip -6 route add 2001:db8:1::/64 dev ${tun.name}`);
      await run([Deno.execPath(), "eval", SEND_UDP6]);
      const last = batch.receive(tun.fd.number) - 1;
      const packet = new Uint8Array(batch.buffer, batch.slotOffset(last) + IP, 48 + 5);
      assert.equal(packet[0]! >>> 4, 6);
      assert.equal(new TextDecoder().decode(packet.subarray(48)), "hello");
      return noise;
    };
    await run("ip link set lo up");
    await run("ip addr add 2001:db8:10::11/128 dev lo");
    assert.ok(await received(undefined) > 0, "the kernel has something to say by itself");
    assert.equal(await received("none"), 0);
  });
});

rootTest("TCP super-packets pass unharmed when read, changed and written back", ROOT, async () => {
  await inTun(async (tun, batch) => {
    // The other end of each connection is the same host: swapping the addresses of every packet
    // turns one end's packets into the other's, and leaves every checksum right.
    const process = new Deno.Command(Deno.execPath(), {
      args: ["eval", TCP_BOTH_ENDS],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    let output: Deno.CommandOutput | undefined;
    process.output().then((result) => output = result);
    const longest = await reflect(tun, { batch, until: () => output !== undefined });
    assert.equal(new TextDecoder().decode(output?.stdout).trim(), "20000000 equal");
    assert.ok(longest > 20_000, `the longest packet had ${longest} bytes`);
  });
});

const USO = { ...ROOT, linux: "6.2" };

rootTest("datagrams that the sender has handed over as one are read as one", USO, async () => {
  await inTun((tun, batch) => {
    using socket = openSocket({ domain: AF_INET, type: SOCK_DGRAM, label: "UDP socket" });
    const action = "send in datagrams of 100 bytes";
    setSocketOption(socket, { level: SOL_UDP, name: UDP_SEGMENT, value: 100, action });
    const to = new Uint8Array([AF_INET, 0, 0, 9, 10, 9, 0, 2, ...new Uint8Array(8)]);
    const sent = openLibc().sendto(socket.number, new Uint8Array(950), 950n, 0, to, to.length);
    assert.equal(sent, 950);
    assert.equal(batch.receive(tun.fd.number), 1);
    assert.equal(batch.receivedBytes(0), 28 + 950);
    const header = new DataView(batch.buffer, batch.slotOffset(0));
    assert.deepEqual([header.getUint8(0), header.getUint8(1)], [NEEDS_CSUM, GSO_UDP_L4]);
    assert.equal(header.getUint16(4, true), 100);
    return Promise.resolve();
  });
});

rootTest("a device that is down or deleted is told by an error number", ROOT, async () => {
  await inTun(async (tun, batch) => {
    const packet = new Uint8Array(batch.buffer, batch.slotOffset(0), IP + 20);
    packet.fill(0);
    packet.set([0x45, 0, 0, 20, 0, 0, 0, 0, 64, 253], IP);
    assert.equal(batch.write(tun.fd.number, 0, 20), 20);
    await run(`ip link set ${tun.name} down`);
    assert.equal(batch.write(tun.fd.number, 0, 20), -EIO);
    await run(`ip link del ${tun.name}`);
    assert.equal(batch.receive(tun.fd.number), -EBADFD);
  });
});

rootTest("a batch takes no more packets than it has slots", ROOT, async () => {
  await inTun(async (tun) => {
    using batch = new TunBatch({ slots: 2, slotBytes: 2000 });
    for (let i = 0; i < 3; i++) await run([Deno.execPath(), "eval", SEND_UDP]);
    const take = () => [batch.receive(tun.fd.number), batch.more];
    assert.deepEqual([take(), take()], [[2, true], [1, false]]);
    assert.throws(() => batch.write(tun.fd.number, 0, 2000), RangeError);
  });
});

Deno.test("openTun() refuses a name that no interface can have", () => {
  assert.throws(() => openTun({ name: "sixteen-bytes-xx", ...OPTIONS }), RangeError);
});

/** Opens a device with the address 10.9.0.1/24 in a namespace of its own. */
async function inTun(fn: (tun: TunDevice, batch: TunBatch) => Promise<void>): Promise<void> {
  await inNamespace(async () => {
    disableIpv6();
    using tun = openTun({ name: "bypath%d", ...OPTIONS });
    using batch = new TunBatch();
    await run(`ip link set ${tun.name} up`);
    await run(`ip addr add 10.9.0.1/24 dev ${tun.name}`);
    await fn(tun, batch);
  });
}

async function reflect(
  tun: TunDevice,
  { batch, until }: { batch: TunBatch; until: () => boolean },
): Promise<number> {
  using poller = new Poller();
  poller.add(tun.fd.number, POLLIN);
  const words = new Int32Array(batch.buffer);
  let longest = 0;
  while (!until()) {
    poller.wait(5);
    for (let count = 0; (count = batch.receive(tun.fd.number)) > 0;) {
      for (let i = 0; i < count; i++) {
        const source = (batch.slotOffset(i) + IP + 12) / 4;
        const address = words[source]!;
        words[source] = words[source + 1]!;
        words[source + 1] = address;
        const lengthBytes = batch.receivedBytes(i);
        assert.equal(batch.write(tun.fd.number, i, lengthBytes), lengthBytes);
        longest = Math.max(longest, lengthBytes);
      }
    }
    await new Promise((resolve) => setTimeout(resolve));
  }
  return longest;
}

const SEND_UDP = `
  import { createSocket } from "node:dgram";
  const socket = createSocket("udp4");
  socket.send("hello", 9, "10.9.0.2", () => socket.close());
`;

const SEND_UDP6 = SEND_UDP.replace("udp4", "udp6").replace("10.9.0.2", "2001:db8:1::2");

const TCP_BOTH_ENDS = `
  const listener = Deno.listen({ hostname: "10.9.0.1", port: 4000 });
  const bytes = new Uint8Array(20_000_000).map((_, i) => (i * 2654435761) >>> 24);
  const serve = async () => {
    const connection = await listener.accept();
    await new Blob([bytes]).stream().pipeTo(connection.writable);
  };
  const fetchAll = async () => {
    const connection = await Deno.connect({ hostname: "10.9.0.2", port: 4000 });
    return new Uint8Array(await new Response(connection.readable).arrayBuffer());
  };
  const [, received] = await Promise.all([serve(), fetchAll()]);
  const equal = received.length === bytes.length && received.every((b, i) => b === bytes[i]);
  console.log(received.length, equal ? "equal" : "different");
  listener.close();
`;
