import assert from "node:assert/strict";
import { rootTest } from "../../tests/support/root_test.ts";
import { parseNatConfig } from "../config/nat_config.ts";
import { inNamespace, run } from "../../tests/support/namespace.ts";
import { RouteNetlink } from "../linux/rtnetlink.ts";
import { natObstacles } from "./preflight.ts";

const CONFIG = parseNatConfig({
  file: "nat.yaml",
  text: `
interfaces: [eth0]
snat: { addresses: [10.0.1.1, 2001:db8:1::/120] }
services:
  - { name: web, vip: 203.0.113.10, port: 80, servers: [{ address: 10.0.0.11 }] }
  - { name: web6, vip: "2001:db8:f::10", port: 80, servers: [{ address: 2001:db8:10::11 }] }
`,
});

rootTest("what the configuration needs of the host is told for both families", {}, async () => {
  await inNamespace(async () => {
    await run("ip link add eth0 type veth peer name other");
    await run("ip link set eth0 up");
    await run("ip link set other up");
    using netlink = new RouteNetlink();
    const obstacles = () => natObstacles(CONFIG, netlink).map(({ message }) => message);
    assert.deepEqual(obstacles(), []);
    await run("ip address add 2001:db8:f::10/128 dev other nodad");
    await run("ip address add 2001:db8:1::7/64 dev eth0 nodad");
    assert.deepEqual(obstacles(), [
      "Cannot serve VIP 2001:db8:f::10 (web6): this host has it on other, remove it there",
      "Cannot use SNAT address 2001:db8:1::7: this host has it on eth0, remove it there",
    ]);
    await run("ip address del 2001:db8:f::10/128 dev other");
    await run("ip address del 2001:db8:1::7/64 dev eth0");
    await run("ip route add 203.0.113.10 dev eth0");
    await run("ip route add blackhole 10.0.1.1");
    assert.deepEqual(obstacles(), [
      "Cannot answer for 203.0.113.10/32: this host has a route to it, remove it there",
    ]);
    await run("ip route del 203.0.113.10");
    Deno.writeTextFileSync("/proc/sys/net/ipv6/conf/eth0/disable_ipv6", "1");
    assert.deepEqual(obstacles(), [
      "Cannot serve VIP 2001:db8:f::10 (web6): IPv6 is off on eth0, set net.ipv6.conf.eth0.disable_ipv6 to 0",
    ]);
  });
});
