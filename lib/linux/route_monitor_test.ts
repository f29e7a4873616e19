import assert from "node:assert/strict";
import { rootTest } from "../../tests/support/root_test.ts";
import { ROOT } from "./_test_end.ts";
import { fromHex, ip } from "./_test_hex.ts";
import { disableIpv6, inNamespace, run } from "../../tests/support/namespace.ts";
import { waitReadable } from "./poll.ts";
import { RouteMonitor, type RouteMonitorEvent, RouteNetlink } from "./rtnetlink.ts";

rootTest("RouteMonitor tells of links, addresses, routes, neighbours and rules", ROOT, async () => {
  await inNamespace(async () => {
    disableIpv6();
    using monitor = new RouteMonitor();
    assert.deepEqual(drain(monitor), []);
    await run("ip link add va type veth peer name vb");
    assert.equal(await waitReadable(monitor.fd.number, 1000), true);
    await run("ip addr add 10.0.0.1/24 dev va");
    await run("ip link set va up");
    await run("ip link set vb up");
    await run("ip route add 10.1.0.0/16 via 10.0.0.9");
    await run("ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:99 dev va");
    await run("ip rule add from 10.0.0.0/8 lookup 1000 priority 500");
    await run("ip neigh del 10.0.0.9 dev va");
    await run("ip link del va");
    const events = drain(monitor);
    const find = <K extends RouteMonitorEvent["kind"]>(kind: K, removed = false) =>
      events.filter((event): event is Extract<RouteMonitorEvent, { kind: K }> =>
        event.kind === kind && event.kind !== "overrun" && event.removed === removed
      );
    assert.deepEqual([...new Set(find("link").map(({ link }) => link.name))], ["vb", "va"]);
    assert.deepEqual(find("link", true).map(({ link }) => link.name).sort(), ["va", "vb"]);
    assert.deepEqual(find("address")[0]?.address.address, ip("10.0.0.1"));
    assert.equal(find("address", true).length, 1);
    const [route] = find("route").filter(({ route }) => route.prefixLength === 16);
    assert.deepEqual(route?.route.gateway, ip("10.0.0.9"));
    const [neighbour] = find("neighbour");
    assert.deepEqual(neighbour?.neighbour.linkLayerAddress, fromHex("020000000099"));
    assert.ok(find("neighbour", true).length + find("neighbour").length >= 2);
    assert.deepEqual(find("rule")[0]?.rule, { family: 4, priority: 500, table: 1000 });
  });
});

rootTest("RouteMonitor tells of the answer to requestNeighbour()", ROOT, async () => {
  await inNamespace(async () => {
    disableIpv6();
    await run("ip link add va type veth peer name vb address 02:00:00:00:00:0b");
    await run("ip netns add t-l-monitor");
    try {
      await run("ip link set vb netns t-l-monitor");
      await run("ip -n t-l-monitor addr add 10.0.0.2/24 dev vb");
      await run("ip -n t-l-monitor link set vb up");
      await run("ip addr add 10.0.0.1/24 dev va");
      await run("ip link set va up");
      using monitor = new RouteMonitor({ kinds: ["neighbour"] });
      using netlink = new RouteNetlink();
      netlink.requestNeighbour(netlink.link("va")!.index, ip("10.0.0.2"));
      assert.ok(await waitReadable(monitor.fd.number, 5000));
      const [event] = drain(monitor);
      assert.ok(event?.kind === "neighbour");
      assert.deepEqual(event.neighbour.address, ip("10.0.0.2"));
      assert.deepEqual(event.neighbour.linkLayerAddress, fromHex("02000000000b"));
    } finally {
      await run("ip netns del t-l-monitor");
    }
  });
});

rootTest("RouteMonitor tells when it missed something", ROOT, async () => {
  await inNamespace(async () => {
    await run("ip link set lo up");
    using monitor = new RouteMonitor({ kinds: ["route"], receiveBufferBytes: 4096 });
    const lines = Array.from(
      { length: 300 },
      (_, i) => `route add 172.16.${i & 255}.${i >> 8} dev lo`,
    );
    const file = await Deno.makeTempFile();
    await Deno.writeTextFile(file, lines.join("\n"));
    await run(`ip -batch ${file}`);
    await Deno.remove(file);
    const events = drain(monitor);
    assert.ok(events.some(({ kind }) => kind === "overrun"));
    assert.ok(events.length < 300);
    await run("ip route del 172.16.0.0");
    assert.equal(drain(monitor).length, 1);
  });
});

function drain(monitor: RouteMonitor): RouteMonitorEvent[] {
  const events: RouteMonitorEvent[] = [];
  assert.equal(monitor.drain((event) => events.push(event)), events.length);
  return events;
}
