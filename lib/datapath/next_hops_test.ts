import assert from "node:assert/strict";
import { rootTest } from "../../tests/support/root_test.ts";
import { bootTimeMs } from "../linux/clock.ts";
import { inNamespace, run } from "../../tests/support/namespace.ts";
import { RouteMonitor, RouteNetlink } from "../linux/rtnetlink.ts";
import { IpAddress } from "../wire/address.ts";
import { hopInterface, NextHops } from "./next_hops.ts";

const ROUTER_MAC = "02:00:00:00:00:02";
const SLOT = 8;

/** A link with a router at its other end that has a link-local address alone. */
async function onLink(fn: (hops: NextHops) => Promise<void>): Promise<void> {
  await inNamespace(async () => {
    await run(`ip link add eth0 type veth peer name router address ${ROUTER_MAC}`);
    await run("ip link set router addrgenmode none");
    await run("ip link set eth0 up");
    await run("ip link set router up");
    await run("ip address add fe80::1/64 dev router nodad");
    await run("ip address add 192.0.2.2/24 dev eth0");
    await run("ip address add 2001:db8:2::2/64 dev eth0 nodad");
    await run("ip address add fe80::2/64 dev eth0 nodad");
    await run("ip route add 2001:db8:c::/64 via fe80::1 dev eth0");
    await run("ip route add 198.51.100.0/24 via inet6 fe80::1 dev eth0");
    using netlink = new RouteNetlink();
    using monitor = new RouteMonitor();
    const interfaces = [hopInterface(netlink, "eth0")];
    await fn(new NextHops({ netlink, monitor, interfaces, firstEpoch: 1 }));
  });
}

/** The hop to an address, once its link address is known. */
async function resolve(hops: NextHops, address: string): Promise<number> {
  const hop = hops.toAddress(IpAddress.parse(address).words, 0);
  for (let tries = 0; hop !== 0 && !hops.resolved(hop) && tries < 100; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    hops.maintain(bootTimeMs());
  }
  return hop;
}

/** The Ethernet header of a packet of that version: to, and the type. */
function ethernet(hops: NextHops, hop: number, version: number): string {
  const view = new DataView(new ArrayBuffer(64));
  view.setUint8(SLOT + 24, version << 4);
  hops.writeEthernet(hop, view, SLOT);
  const to = new Uint8Array(view.buffer, SLOT + 10, 6).toHex();
  return `${to} ${view.getUint16(SLOT + 22).toString(16)}`;
}

rootTest("a link-local gateway is found by the kernel's neighbour discovery", {}, async () => {
  await onLink(async (hops) => {
    const hop = await resolve(hops, "2001:db8:c::2");
    assert.ok(hop > 0 && hops.resolved(hop));
    assert.equal(ethernet(hops, hop, 6), "020000000002 86dd");
    assert.equal(hops.mtu(hop), 1500);
    // Clients behind one gateway share the hop.
    assert.equal(hops.toAddress(IpAddress.parse("2001:db8:c::3").words, 0), hop);
    assert.equal(hops.toAddress(IpAddress.parse("2001:db9::1").words, 0), 0);
  });
});

rootTest("IPv4 packets leave by an IPv6 gateway", {}, async () => {
  await onLink(async (hops) => {
    const hop = await resolve(hops, "198.51.100.2");
    assert.ok(hop > 0 && hops.resolved(hop));
    assert.equal(ethernet(hops, hop, 4), "020000000002 800");
    assert.equal(hop, await resolve(hops, "2001:db8:c::2"), "the same neighbour");
  });
});

rootTest("routes that change are looked up anew", {}, async () => {
  await onLink(async (hops) => {
    const before = await resolve(hops, "2001:db8:c::2");
    const { epoch } = hops;
    await run("ip route replace 2001:db8:c::/64 via 2001:db8:2::9 dev eth0");
    hops.maintain(bootTimeMs());
    assert.notEqual(hops.epoch, epoch);
    assert.notEqual(hops.toAddress(IpAddress.parse("2001:db8:c::2").words, 0), before);
    await run("ip -6 route del 2001:db8:c::/64");
    hops.maintain(bootTimeMs());
    assert.equal(hops.toAddress(IpAddress.parse("2001:db8:c::2").words, 0), 0);
  });
});
