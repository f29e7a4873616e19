import assert from "node:assert/strict";
import { rootTest } from "../../tests/support/root_test.ts";
import { inNamespace, run } from "../../tests/support/namespace.ts";
import { RouteNetlink } from "../linux/rtnetlink.ts";
import { openTun } from "../linux/tun.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { Capture } from "./capture.ts";

const PREFIXES = ["10.0.1.0/30", "2001:db8:1::/126"].map(parsePrefix);

/** A server: eth0 with addresses of both families, and ordinary routes to the SNAT addresses. */
async function onServer(
  fn: (capture: Capture, netlink: RouteNetlink) => Promise<void>,
): Promise<void> {
  await inNamespace(async () => {
    await run("ip link set lo up");
    await run("ip link add eth0 type veth peer name other");
    await run("ip link set eth0 up");
    await run("ip link set other up");
    await run("ip address add 10.0.0.11/24 dev eth0");
    await run("ip address add 2001:db8:10::11/64 dev eth0 nodad");
    await run("ip route add 10.0.1.0/24 via 10.0.0.1");
    await run("ip route add 2001:db8:1::/64 via fe80::1 dev eth0");
    using netlink = new RouteNetlink();
    using tun = openTun({ name: "bypath%d", vnetHeader: true, offload: true });
    const capture = new Capture(netlink, tun);
    netlink.setLink({ index: tun.interfaceIndex, up: true });
    await fn(capture, netlink);
  });
}

async function deviceTo(address: string): Promise<string> {
  const [{ dev, prefsrc }] = JSON.parse(await run(`ip -j route get ${address}`));
  return `${dev} ${prefsrc}`;
}

rootTest(
  "responses of both families are led into the device, from the address as before",
  {},
  async () => {
    await onServer(async (capture) => {
      capture.survey(PREFIXES);
      assert.equal(await deviceTo("2001:db8:1::2"), "eth0 2001:db8:10::11");
      capture.begin();
      assert.deepEqual([capture.able, capture.reason, capture.unable], [true, null, {}]);
      assert.equal(await deviceTo("10.0.1.2"), "bypath0 10.0.0.11");
      assert.equal(await deviceTo("2001:db8:1::2"), "bypath0 2001:db8:10::11");
      assert.equal(await deviceTo("2001:db8:1::4"), "eth0 2001:db8:10::11");
      capture.clear();
      assert.equal(await deviceTo("2001:db8:1::2"), "eth0 2001:db8:10::11");
      assert.equal(await deviceTo("10.0.1.2"), "eth0 10.0.0.11");
    });
  },
);

rootTest("one address is captured though the ordinary route is for it alone", {}, async () => {
  await onServer(async (capture) => {
    await run("ip route add 2001:db8:1::1/128 via 2001:db8:10::1");
    capture.survey([parsePrefix("2001:db8:1::1/128")]);
    capture.begin();
    assert.equal(capture.reason, null);
    assert.equal(await deviceTo("2001:db8:1::1"), "bypath0 2001:db8:10::11");
    // A second time finds the ordinary way, not its own.
    capture.survey([parsePrefix("2001:db8:1::1/128")]);
    assert.deepEqual(capture.ways.map((way) => way.metric), [1024]);
  });
});

rootTest("strict reverse-path filtering keeps IPv4 from bypassing, and IPv6 not", {}, async () => {
  await onServer(async (capture) => {
    Deno.writeTextFileSync("/proc/sys/net/ipv4/conf/eth0/rp_filter", "1");
    capture.survey(PREFIXES);
    capture.begin();
    assert.equal(capture.able, true);
    assert.match(capture.unable.ipv4!, /^rp_filter is strict on eth0: set /);
    assert.equal(capture.unable.ipv6, undefined);
    assert.equal(await deviceTo("10.0.1.2"), "eth0 10.0.0.11");
    assert.equal(await deviceTo("2001:db8:1::2"), "bypath0 2001:db8:10::11");
    capture.survey(PREFIXES.slice(0, 1));
    capture.begin();
    assert.equal(capture.able, false);
  });
});

rootTest(
  "a family without a route to the SNAT addresses is unable, the other able",
  {},
  async () => {
    await onServer(async (capture) => {
      await run("ip -6 route del 2001:db8:1::/64");
      capture.survey(PREFIXES);
      capture.begin();
      assert.deepEqual([capture.able, capture.unable], [true, {
        ipv6: "no route to the SNAT addresses 2001:db8:1::/126: route them to the NAT machine",
      }]);
      assert.equal(await deviceTo("10.0.1.2"), "bypath0 10.0.0.11");
    });
  },
);

rootTest("a host that keeps IPv6 off new interfaces can be captured nevertheless", {}, async () => {
  await inNamespace(async () => {
    Deno.writeTextFileSync("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
    await run("ip link add eth0 type veth peer name other");
    Deno.writeTextFileSync("/proc/sys/net/ipv6/conf/eth0/disable_ipv6", "0");
    await run("ip link set other up");
    await run("ip link set eth0 up");
    await run("ip address add 2001:db8:10::11/64 dev eth0 nodad");
    await run("ip route add 2001:db8:1::/64 via 2001:db8:10::1");
    using netlink = new RouteNetlink();
    using tun = openTun({ name: "bypath%d", vnetHeader: true, offload: true });
    const capture = new Capture(netlink, tun);
    netlink.setLink({ index: tun.interfaceIndex, up: true });
    capture.survey(PREFIXES.slice(1));
    capture.begin();
    assert.equal(capture.reason, null);
    assert.equal(await deviceTo("2001:db8:1::1"), "bypath0 2001:db8:10::11");
  });
});
