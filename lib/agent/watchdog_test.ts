import assert from "node:assert/strict";
import { rootTest } from "../../tests/support/root_test.ts";
import { inNamespace, run } from "../../tests/support/namespace.ts";
import { RouteNetlink } from "../linux/rtnetlink.ts";
import { openTun } from "../linux/tun.ts";
import { removeRoutes } from "./watchdog.ts";

rootTest(
  "the watchdog removes its agent's routes, of both families, and no others",
  {},
  async () => {
    await inNamespace(async () => {
      using netlink = new RouteNetlink();
      using frozen = openTun({ name: "bypath%d", vnetHeader: true, offload: true });
      using other = openTun({ name: "bypath%d", vnetHeader: true, offload: true });
      for (const tun of [frozen, other]) {
        netlink.setLink({ index: tun.interfaceIndex, up: true });
        const third = tun === frozen ? 1 : 2;
        netlink.addRoute({
          destination: Uint8Array.of(10, 0, third, 0),
          prefixLength: 24,
          outInterface: tun.interfaceIndex,
        });
        await run(`ip route add 10.1.${third}.0/24 dev ${tun.name}`);
        await run(`ip -6 route add 2001:db8:${third}::/64 dev ${tun.name} metric 1 proto 98`);
      }
      removeRoutes(netlink, frozen.interfaceIndex);
      removeRoutes(netlink, frozen.interfaceIndex);
      const left = (await run("ip route show")) + await run("ip -6 route show");
      assert.deepEqual(
        left.split("\n").filter(Boolean).map((line) => line.split(" ").slice(0, 3).join(" "))
          .filter((line) => !line.startsWith("fe80") && !line.startsWith("multicast")).toSorted(),
        ["10.0.2.0/24 dev bypath1", "10.1.1.0/24 dev bypath0", "10.1.2.0/24 dev bypath1"]
          .concat("2001:db8:2::/64 dev bypath1"),
      );
    });
  },
);
