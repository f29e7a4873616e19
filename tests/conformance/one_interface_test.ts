/**
 * A NAT machine with one interface, in the servers' network: client packets, responses and what it
 * sends to either side come and go by the same link.
 */
import assert from "node:assert/strict";
import { BypathLab } from "../../lab/bypath_lab.ts";
import { rootTest } from "../support/root_test.ts";

const MEGABYTE = 1_000_000;

rootTest(
  "one interface carries both sides, via NAT and with bypass",
  { capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"] },
  async () => {
    await using bypath = await BypathLab.up();
    const { lab } = bypath;
    await lab.run("router", ["ip", "route", "replace", "203.0.113.0/24", "via", "10.0.0.1"]);
    await lab.run("nat", ["ip", "route", "replace", "default", "via", "10.0.0.254"]);
    const toVips6 = ["2001:db8:f::/64", "via", "2001:db8:10::1"];
    await lab.run("router", ["ip", "-6", "route", "replace", ...toVips6]);
    await lab.run("nat", ["ip", "-6", "route", "replace", "default", "via", "2001:db8:10::fe"]);
    await lab.run("nat", ["ip", "link", "set", "eth0", "down"]);
    await bypath.startServers();
    await bypath.startNat((config) => {
      config.interfaces = ["eth1"];
      for (const service of config.services) service.bypass = { start: { bytes: 10 * MEGABYTE } };
    });
    const before = await lab.counters("nat", "eth1");
    const small = await bypath.download({ bytes: 5 * MEGABYTE }).result();
    const between = await lab.counters("nat", "eth1");
    assert.ok(small.ok, JSON.stringify(small));
    assert.ok(between.txBytes - before.txBytes > 5 * MEGABYTE, "responses left by the interface");
    assert.ok(between.rxBytes - before.rxBytes > 5 * MEGABYTE, "responses came by the interface");

    await bypath.startAgents();
    const large = await bypath.download({ bytes: 100 * MEGABYTE, rate: 50 * MEGABYTE }).result();
    const after = await lab.counters("nat", "eth1");
    assert.ok(large.ok, JSON.stringify(large));
    const share = (after.txBytes - between.txBytes) / (100 * MEGABYTE);
    assert.ok(share > 0.1 && share < 0.3, `${share} of the response bytes left by the NAT machine`);
  },
);
