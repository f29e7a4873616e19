/** The announcer, asked by a real kernel; the network is drawn in _test_link.ts. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { rootTest } from "../../tests/support/root_test.ts";
import { eventually, Link, NAT_MAC, ROUTER_MAC } from "./_test_link.ts";

const NEEDS = {
  capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"],
  tools: ["ip", "bash"],
} as const;

const VIP = "203.0.113.10";
const VIP6 = "2001:db8:f::10";
const OURS = [VIP, "10.0.1.0/24", VIP6, "2001:db8:1::5-2001:db8:1::7"];

rootTest("a router finds the addresses on its link until they are closed", NEEDS, async () => {
  await using link = await Link.up(OURS);
  for (const address of [VIP, "10.0.1.0", "10.0.1.255", VIP6, "2001:db8:1::6"]) {
    assert.equal(await link.find(address), NAT_MAC, address);
  }
  for (const address of ["203.0.113.11", "2001:db8:1::8"]) {
    assert.equal(await link.find(address), null, address);
  }
  const { answered, conflicts, failures } = await link.tell("close");
  assert.ok(answered >= 5);
  assert.deepEqual([...conflicts, ...failures], []);
  await link.forget();
  for (const address of [VIP, "10.0.1.0", VIP6, "2001:db8:1::6"]) {
    assert.equal(await link.find(address), null, address);
  }
});

rootTest("setAddresses() answers for the new ones, not for the old ones", NEEDS, async () => {
  await using link = await Link.up([VIP, VIP6]);
  assert.equal(await link.find(VIP), NAT_MAC);
  await link.mislead("203.0.113.11");
  await link.tell("set 203.0.113.11 2001:db8:f::11");
  await link.waitForMac("203.0.113.11", NAT_MAC);
  assert.equal(await link.find("2001:db8:f::11"), NAT_MAC);
  await link.forget();
  assert.equal(await link.find(VIP), null);
  assert.equal(await link.find(VIP6), null);
});

rootTest("announce() corrects what a router remembers", NEEDS, async () => {
  await using link = await Link.up(OURS);
  const addresses = [VIP, "10.0.1.77", VIP6, "2001:db8:1::7"];
  for (const address of addresses) await link.mislead(address);
  await link.tell("announce");
  for (const address of addresses) await link.waitForMac(address, NAT_MAC);
});

rootTest("an interface that comes up, or gets another MAC, announces again", NEEDS, async () => {
  await using link = await Link.up(OURS);
  await link.nat("ip link set eth0 down");
  await eventually("the link to be down", async () => {
    return (await link.router("ip link show eth0")).includes("NO-CARRIER");
  });
  await link.mislead(VIP);
  await link.nat("ip link set eth0 up");
  await link.waitForMac(VIP, NAT_MAC);

  const other = "02:00:00:00:00:0a";
  await link.mislead(VIP);
  await link.mislead(VIP6);
  await link.nat(`ip link set eth0 address ${other}`);
  await link.waitForMac(VIP, other);
  await link.waitForMac(VIP6, other);
  await link.forget();
  assert.equal(await link.find(VIP), other);
  assert.equal(await link.find("10.0.1.5"), other);
  assert.deepEqual((await link.tell("look")).failures, []);
});

rootTest("another machine that takes an address is reported, not fought", NEEDS, async () => {
  await using link = await Link.up(OURS);
  // With duplicate address detection, which learns by the answer that the address is taken.
  await link.router(`ip address add ${VIP6}/64 dev eth0`);
  await eventually("duplicate address detection to fail", async () => {
    return (await link.router("ip -6 address show dev eth0")).includes("dadfailed");
  });
  // Linux asks nobody about IPv4 addresses, it only tells when an interface comes up.
  await link.set("ipv4/conf/eth0/arp_notify", 1);
  await link.router(`ip address add ${VIP}/32 dev eth0`);
  await link.router("ip link set eth0 down");
  await link.router("ip link set eth0 up");
  await eventually("both conflicts to be reported", async () => {
    return (await link.tell("look")).conflicts.length >= 2;
  });
  const conflicts = new Set((await link.tell("look")).conflicts);
  assert.deepEqual([...conflicts], [`${VIP6} ${ROUTER_MAC} eth0`, `${VIP} ${ROUTER_MAC} eth0`]);
});

rootTest("a flood is answered in part, and later questions as before", NEEDS, async () => {
  await using link = await Link.up(OURS);
  const flood = fileURLToPath(new URL("_test_flood.ts", import.meta.url));
  const startedMs = performance.now();
  const sent = Number(
    await link.router(`${Deno.execPath()} run -A ${flood} ${VIP} ${VIP6}`),
  );
  const { answered, failures } = await link.tell("look");
  assert.ok(sent >= 10_000, `${sent} were sent`);
  // A thousand a second, and a few hundred at once.
  const allowed = performance.now() - startedMs + 300;
  assert.ok(answered <= allowed, `${answered} of ${sent} were answered, ${allowed} may be`);
  assert.deepEqual(failures, []);
  for (const address of [VIP, VIP6]) {
    await eventually(`an answer for ${address}`, async () => await link.find(address) === NAT_MAC);
  }
});
