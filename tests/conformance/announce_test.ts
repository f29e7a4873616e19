/**
 * `announce: true`: nobody has a route by way of the NAT machine. For the router the VIPs are on the
 * link, for the servers the SNAT addresses; their kernels ask there for who has them.
 */
import assert from "node:assert/strict";
import { BypathLab } from "../../lab/bypath_lab.ts";
import { ADDRESSES, ADDRESSES6, type NodeName } from "../../lab/topology.ts";
import { waitFor } from "../../lab/wait.ts";
import { Together } from "../support/together.ts";

const together = new Together(2);

const NEEDS = { tools: ["ip", "bash"] } as const;
const SECOND_VIP = "203.0.113.20";
const SNAT = "10.0.1.1";
const SNAT6 = "2001:db8:1::1";

/** A lab in which the static routes by way of the NAT machine are replaced by on-link ones. */
async function labWithoutRoutes(): Promise<BypathLab> {
  const lab = await BypathLab.up();
  for (const { vipPrefix, snatPrefix } of [ADDRESSES, ADDRESSES6]) {
    await ip(lab, "router", `route replace ${vipPrefix} dev eth1`);
    for (const server of ["s1", "s2"] as const) {
      await ip(lab, server, `route replace ${snatPrefix} dev eth0`);
    }
  }
  return lab;
}

async function ip({ lab }: BypathLab, node: NodeName, command: string): Promise<string> {
  return await lab.mustRun(node, ["ip", ...command.split(" ")]);
}

async function macOf(lab: BypathLab, node: NodeName, device: string): Promise<string> {
  return JSON.parse(await ip(lab, node, `-j link show ${device}`))[0].address;
}

/** Forgets the address, asks for it, and tells who answered. */
async function find(lab: BypathLab, node: NodeName, address: string): Promise<string | null> {
  const device = node === "router" ? "eth1" : "eth0";
  await ip(lab, node, `neighbour flush to ${address} dev ${device}`);
  await lab.lab.mustRun(node, ["bash", "-c", `echo > /dev/udp/${address}/9`]);
  const entry = await waitFor(`the search for ${address} to end`, async () => {
    const [found] = JSON.parse(await ip(lab, node, `-j neighbour show to ${address}`));
    return found !== undefined && !found.state.includes("INCOMPLETE") && found;
  });
  return entry.lladdr ?? null;
}

async function fetchFrom(lab: BypathLab, vip: string): Promise<void> {
  const url = `http://${vip}`;
  const result = await lab.download({ url, bytes: 1_000_000 }).result();
  assert.equal(result.ok, true, JSON.stringify(result));
}

together.test(
  "VIPs and SNAT addresses on the link are found while the NAT machine runs",
  NEEDS,
  async () => {
    await using lab = await labWithoutRoutes();
    const [front, back] = [await macOf(lab, "nat", "eth0"), await macOf(lab, "nat", "eth1")];
    await lab.startServers();
    await lab.startNat((config) => config.announce = true);
    await lab.startAgents();

    await fetchFrom(lab, ADDRESSES.vip);
    assert.equal(await find(lab, "router", ADDRESSES.vip), front);
    assert.equal(await find(lab, "s1", SNAT), back);
    assert.equal(await find(lab, "router", SECOND_VIP), null);

    await lab.writeNatConfig((config) => {
      config.announce = true;
      for (const service of config.services) {
        if (service.vip === ADDRESSES.vip) service.vip = SECOND_VIP;
      }
    });
    await lab.runSelf("nat", ["nat", "reload", "--socket", lab.socketOf("nat")]);
    await fetchFrom(lab, SECOND_VIP);
    assert.equal(await find(lab, "router", SECOND_VIP), front);
    assert.equal(await find(lab, "router", ADDRESSES.vip), null);

    await lab.stopNat();
    assert.equal(await find(lab, "router", SECOND_VIP), null);
    assert.equal(await find(lab, "s1", SNAT), null);
  },
);

together.test("the same by neighbour discovery, via NAT and with bypass", NEEDS, async () => {
  await using lab = await labWithoutRoutes();
  await lab.startServers();
  await lab.startNat((config) => config.announce = true);
  await lab.startAgents();
  assert.equal(await find(lab, "router", ADDRESSES6.vip), await macOf(lab, "nat", "eth0"));
  assert.equal(await find(lab, "s1", SNAT6), await macOf(lab, "nat", "eth1"));
  const download = lab.download({ bytes: 50_000_000, rate: 2_000_000, family: 6 });
  const client = await download.connected();
  await waitFor("a bypass", async () => (await lab.sessionOf(client))?.path === "bypass");
  const result = await download.finish();
  assert.ok(result.ok, JSON.stringify(result));
  const { bytes } = (await lab.sessionOf(client))!;
  assert.ok(bytes.viaNat > 0 && bytes.viaBypass > 5_000_000, JSON.stringify(bytes));
  await lab.stopNat();
  assert.equal(await find(lab, "router", ADDRESSES6.vip), null);
});

together.test(
  "the addresses are announced at start, and a conflict is an event",
  NEEDS,
  async () => {
    await using lab = await labWithoutRoutes();
    const elsewhere = "lladdr 02:00:00:00:00:99 nud stale";
    await ip(lab, "router", `neighbour replace ${ADDRESSES.vip} dev eth1 ${elsewhere}`);
    await ip(lab, "s1", `neighbour replace ${SNAT} dev eth0 ${elsewhere}`);
    await lab.startNat((config) => config.announce = true);
    for (
      const [node, address, device] of [
        ["router", ADDRESSES.vip, "eth0"],
        ["s1", SNAT, "eth1"],
      ] as const
    ) {
      const mac = await macOf(lab, "nat", device);
      await waitFor(
        `${address} to be announced`,
        async () => (await ip(lab, node, `neighbour show to ${address}`)).includes(mac),
      );
    }
    // A machine that has the address as well asks for another one from it.
    await ip(lab, "s2", `address add ${SNAT}/32 dev eth0`);
    await ip(lab, "s2", `route add 10.0.0.99/32 dev eth0 src ${SNAT}`);
    await lab.lab.mustRun("s2", ["bash", "-c", "echo > /dev/udp/10.0.0.99/9"]);
    const mac = await macOf(lab, "s2", "eth0");
    await waitFor(
      "the conflict to be an event",
      async () =>
        (await lab.inspectText("nat", "events")).some((line) =>
          line.includes("address-conflict") && line.includes(SNAT) && line.includes(mac)
        ),
    );
  },
);

together.test("without `announce` nobody answers", NEEDS, async () => {
  await using lab = await labWithoutRoutes();
  await lab.startNat();
  assert.equal(await find(lab, "router", ADDRESSES.vip), null);
  assert.equal(await find(lab, "s1", SNAT), null);
});
