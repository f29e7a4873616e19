import assert from "node:assert/strict";
import { rootTest } from "../../tests/support/root_test.ts";
import { inNamespace, run } from "../../tests/support/namespace.ts";
import { BYPATH_ROUTE_PROTOCOL, RouteNetlink } from "../linux/rtnetlink.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { HostRoutes, removeLeftRoutes } from "./host_routes.ts";

const PREFIXES = ["203.0.113.10", "10.0.1.0/30", "2001:db8:f::10", "2001:db8:1::/126"];

async function ours(): Promise<string[]> {
  const list = async (family: string) =>
    JSON.parse(await run(`ip -j ${family} route show proto 98`)) as { type: string; dst: string }[];
  return [...await list("-4"), ...await list("-6")].map(({ type, dst }) => `${type} ${dst}`);
}

rootTest("the host drops packets for VIPs and SNAT addresses, of both families", {}, async () => {
  await inNamespace(async () => {
    using netlink = new RouteNetlink();
    {
      using routes = new HostRoutes(netlink);
      routes.add(PREFIXES.slice(1, 3).map(parsePrefix));
      routes.add(PREFIXES.map(parsePrefix));
      assert.deepEqual((await ours()).sort(), PREFIXES.map((it) => `blackhole ${it}`).sort());
    }
    assert.deepEqual(await ours(), []);
  });
});

rootTest("what a killed process left is found and removed, of both families", {}, async () => {
  await inNamespace(async () => {
    using netlink = new RouteNetlink();
    new HostRoutes(netlink).add(PREFIXES.map(parsePrefix));
    assert.equal(removeLeftRoutes(netlink, BYPATH_ROUTE_PROTOCOL), 4);
    assert.deepEqual(await ours(), []);
  });
});

rootTest("a route of the host's own is neither replaced nor removed", {}, async () => {
  await inNamespace(async () => {
    await run("ip route add blackhole 203.0.113.10");
    using netlink = new RouteNetlink();
    {
      using routes = new HostRoutes(netlink);
      routes.add(PREFIXES.map(parsePrefix));
      assert.equal((await ours()).length, 3);
    }
    assert.match(await run("ip route show 203.0.113.10"), /^blackhole 203\.0\.113\.10/);
  });
});
