import assert from "node:assert/strict";
import { rootTest } from "../../tests/support/root_test.ts";
import { ROOT } from "./_test_end.ts";
import { fromHex, ip } from "./_test_hex.ts";
import { inNamespace, run } from "../../tests/support/namespace.ts";
import { NUD_INCOMPLETE, RTN_LOCAL, RTN_UNICAST } from "./constants.ts";
import { LinuxError } from "./error.ts";
import { BYPATH_ROUTE_PROTOCOL, type Route, RouteNetlink } from "./rtnetlink.ts";

rootTest("links() and link() describe interfaces, setLink() changes them", ROOT, async () => {
  await inRoutedNamespace((netlink, va) => {
    const link = netlink.link("va")!;
    assert.deepEqual(link, {
      index: va,
      name: "va",
      mtu: 1500,
      up: true,
      carrier: true,
      loopback: false,
      hardwareType: 1,
      linkLayerAddress: fromHex("02000000000a"),
      txQueueLength: 1000,
      kind: "veth",
    });
    assert.deepEqual(netlink.link(va), link);
    assert.deepEqual(netlink.links().find(({ name }) => name === "va"), link);
    assert.equal(netlink.link("nothing"), undefined);
    assert.equal(netlink.link(12345), undefined);
    netlink.setLink({ index: va, mtu: 1400, txQueueLength: 77 });
    netlink.setLink({ index: va, up: false });
    const { mtu, txQueueLength, up } = netlink.link(va)!;
    assert.deepEqual({ mtu, txQueueLength, up }, { mtu: 1400, txQueueLength: 77, up: false });
  });
});

rootTest("addresses() lists both families", ROOT, async () => {
  await inRoutedNamespace((netlink, va) => {
    const addresses = netlink.addresses().filter(({ interfaceIndex }) => interfaceIndex === va);
    assert.deepEqual(addresses.find(({ family }) => family === 4), {
      interfaceIndex: va,
      family: 4,
      address: ip("10.0.0.1"),
      prefixLength: 24,
      scope: 0,
      tentative: false,
    });
    const six = addresses.find(({ family, scope }) => family === 6 && scope === 0);
    assert.deepEqual(six?.address, ip("2001:db8:0:0:0:0:0:1"));
  });
});

rootTest("routeGet() finds the next hop as the kernel would", ROOT, async () => {
  await inRoutedNamespace((netlink, va) => {
    const onLink = expectRoute(netlink.routeGet(ip("10.0.0.9")));
    assert.deepEqual([onLink.type, onLink.outInterface, onLink.gateway], [
      RTN_UNICAST,
      va,
      undefined,
    ]);
    const beyond = expectRoute(netlink.routeGet(ip("192.0.2.1")));
    assert.deepEqual([beyond.outInterface, beyond.gateway, beyond.mtu], [
      va,
      ip("10.0.0.254"),
      1300,
    ]);
    assert.deepEqual(beyond.preferredSource, ip("10.0.0.1"));
    assert.equal(expectRoute(netlink.routeGet(ip("10.0.0.1"))).type, RTN_LOCAL);
    const six = expectRoute(netlink.routeGet(ip("2001:db8:0:0:0:0:0:9"), { outInterface: va }));
    assert.deepEqual([six.family, six.outInterface], [6, va]);
  });
});

rootTest("routeGet() finds the way around a route over another interface", ROOT, async () => {
  await inRoutedNamespace((netlink, va) => {
    const vb = netlink.link("vb")!.index;
    netlink.addRoute({ destination: ip("10.0.1.0"), prefixLength: 24, outInterface: vb });
    assert.equal(expectRoute(netlink.routeGet(ip("10.0.1.1"))).outInterface, vb);
    const around = expectRoute(netlink.routeGet(ip("10.0.1.1"), { outInterface: va }));
    assert.deepEqual([around.outInterface, around.gateway], [va, ip("10.0.0.254")]);
  });
});

rootTest("routeGet() returns the reason when there is no route", ROOT, async () => {
  await inRoutedNamespace((netlink) => {
    netlink.addRoute({ destination: ip("10.0.1.0"), prefixLength: 24, type: "blackhole" });
    const codes = [ip("10.0.1.1"), ip("2001:db9:0:0:0:0:0:1")].map((address) => {
      const answer = netlink.routeGet(address);
      assert.ok(answer instanceof LinuxError);
      return `${answer.code} ${answer.message}`;
    });
    assert.deepEqual(codes, [
      "EINVAL Cannot find a route to 10.0.1.1: invalid argument",
      "ENETUNREACH Cannot find a route to 2001:db9:0:0:0:0:0:1: network is unreachable",
    ]);
  });
});

rootTest(
  "addRoute() marks our routes, routes() finds them, deleteRoute() removes them",
  ROOT,
  async () => {
    await inRoutedNamespace(async (netlink, va) => {
      const routes = [
        { destination: ip("10.0.1.0"), prefixLength: 24, type: "blackhole" },
        { destination: ip("10.0.2.0"), prefixLength: 24, outInterface: va, metric: 5 },
        { destination: ip("10.0.3.0"), prefixLength: 24, gateway: ip("10.0.0.7"), table: 1000 },
        { destination: ip("2001:db8:1:0:0:0:0:0"), prefixLength: 64, outInterface: va, metric: 6 },
        { destination: ip("2001:db8:2:0:0:0:0:0"), prefixLength: 64, type: "blackhole" },
      ] as const;
      for (const route of routes) netlink.addRoute(route);
      const ours = netlink.routes({ protocol: BYPATH_ROUTE_PROTOCOL });
      assert.deepEqual(
        ours.map(({ destination, table }) => [destination, table]),
        [routes[2], routes[0], routes[1], ...routes.slice(3)].map((route) => [
          route.destination,
          "table" in route ? route.table : 254,
        ]),
      );
      assert.ok(netlink.routes().length > ours.length);
      assert.match(await run("ip route"), /10\.0\.2\.0\/24 dev va proto 98 scope link metric 5/);
      assert.deepEqual(routes.map((route) => netlink.deleteRoute(route)), Array(5).fill(true));
      assert.deepEqual(routes.map((route) => netlink.deleteRoute(route)), Array(5).fill(false));
      assert.deepEqual(netlink.routes({ protocol: BYPATH_ROUTE_PROTOCOL }), []);
    });
  },
);

rootTest("addRoute() says why not, and replaces only when told to", ROOT, async () => {
  await inRoutedNamespace((netlink, va) => {
    const route = { destination: ip("10.0.2.0"), prefixLength: 24, outInterface: va };
    netlink.addRoute(route);
    assert.throws(() => netlink.addRoute(route), {
      message: "Cannot add the route 10.0.2.0/24: file exists",
    });
    netlink.addRoute({ ...route, gateway: ip("10.0.0.9"), replace: true });
    assert.deepEqual(
      expectRoute(netlink.routeGet(ip("10.0.2.1"))).gateway,
      ip("10.0.0.9"),
    );
    assert.throws(() => netlink.addRoute({ ...route, gateway: ip("11.1.1.1"), replace: true }), {
      message:
        "Cannot add the route 10.0.2.0/24: network is unreachable, Nexthop has invalid gateway",
    });
    assert.throws(() => netlink.addRoute({ ...route, destination: new Uint8Array(5) }), TypeError);
  });
});

rootTest("neighbours are listed, looked up and asked for", ROOT, async () => {
  await inRoutedNamespace(async (netlink, va) => {
    await run("ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:99 dev va nud permanent");
    const neighbour = netlink.neighbour(va, ip("10.0.0.9"))!;
    assert.deepEqual(neighbour.linkLayerAddress, fromHex("020000000099"));
    assert.deepEqual(
      netlink.neighbours().filter(({ state }) => state === neighbour.state),
      [neighbour],
    );
    for (const address of [ip("10.0.0.8"), ip("2001:db8:0:0:0:0:0:8")]) {
      assert.equal(netlink.neighbour(va, address), undefined);
      netlink.requestNeighbour(va, address);
      assert.equal(netlink.neighbour(va, address)?.state, NUD_INCOMPLETE);
    }
  });
});

rootTest("rules() leaves out the rules that every host has", ROOT, async () => {
  await inRoutedNamespace(async (netlink) => {
    assert.deepEqual(netlink.rules(), []);
    await run("ip rule add from 10.0.0.0/8 lookup 1000 priority 500");
    await run("ip -6 rule add from 2001:db8::/32 lookup 100 priority 0");
    assert.deepEqual(netlink.rules(), [
      { family: 4, priority: 500, table: 1000 },
      { family: 6, priority: 0, table: 100 },
    ]);
  });
});

rootTest("a dump of thousands of routes comes whole", ROOT, async () => {
  await inRoutedNamespace(async (netlink, va) => {
    const file = await Deno.makeTempFile();
    const lines = Array.from(
      { length: 3000 },
      (_, i) => `route add 172.${i >> 8}.${i & 255}.0/24 dev va`,
    );
    await Deno.writeTextFile(file, lines.join("\n"));
    await run(`ip -batch ${file}`);
    await Deno.remove(file);
    const routes = netlink.routes().filter(({ destination }) => destination[0] === 172);
    assert.equal(routes.length, 3000);
    assert.ok(routes.every(({ outInterface }) => outInterface === va));
  });
});

function expectRoute(answer: Route | LinuxError): Route {
  if (answer instanceof LinuxError) throw answer;
  return answer;
}

/** va (10.0.0.1/24, 2001:db8::1/64, default route via 10.0.0.254) and vb, up, in a namespace. */
async function inRoutedNamespace(
  fn: (netlink: RouteNetlink, va: number) => void | Promise<void>,
): Promise<void> {
  await inNamespace(async () => {
    await run("ip link add va address 02:00:00:00:00:0a type veth peer name vb");
    await run("ip link set va up");
    await run("ip link set vb up");
    await run("ip addr add 10.0.0.1/24 dev va");
    await run("ip addr add 2001:db8::1/64 dev va nodad");
    await run("ip route add default via 10.0.0.254 mtu 1300");
    using netlink = new RouteNetlink();
    await fn(netlink, netlink.link("va")!.index);
  });
}
