/**
 * A client behind a link of 1280 bytes, and one behind ordinary links; both bypass. The errors about
 * what the agents send directly come to the NAT machine, whose address is the source of those packets.
 */
import assert from "node:assert/strict";
import { BypathLab } from "../../lab/bypath_lab.ts";
import { haveIpv6 } from "../../lab/ipv6.ts";
import { selfCommand } from "../../lib/datapath/self_command.ts";
import { ADDRESSES, ADDRESSES6 } from "../../lab/topology.ts";
import { waitFor } from "../../lab/wait.ts";
import { Together } from "../support/together.ts";
import { NARROW_MTU, SmallPath } from "./small_path.ts";

const together = new Together(3);

const NEEDS = { tools: ["ip", "ethtool", "tracepath"] } as const;
const ETHERNET_HEADER_BYTES = 14;
const BYTES = 50_000_000;

/** Every web service of the lab, by the criteria given. */
async function bypassingLab(start: { immediately: true } | { bytes: number }): Promise<BypathLab> {
  const lab = await BypathLab.up();
  await lab.startServers();
  await lab.startNat((config) => {
    for (const service of config.services) service.bypass = { start };
  });
  await lab.startAgents();
  return lab;
}

/** The IP packets of a transfer on the way out of a device of the router: how large, on average. */
async function sizesOf(lab: BypathLab, device: string, transfer: () => Promise<void>) {
  const before = await lab.lab.counters("router", device);
  await transfer();
  const { txBytes, txPackets } = await lab.lab.countersSince("router", device, before);
  return txBytes / txPackets - ETHERNET_HEADER_BYTES;
}

for (const family of haveIpv6() ? [4, 6] as const : [4] as const) {
  const { vip } = family === 4 ? ADDRESSES : ADDRESSES6;
  const base = family === 4 ? `http://${vip}` : `http://[${vip}]`;

  together.test(
    `IPv${family}: 50 MB through a link of 1280 bytes, bypassing, and other clients' packets stay large`,
    NEEDS,
    async () => {
      await using lab = await bypassingLab({ immediately: true });
      await using path = await SmallPath.up(lab.lab);
      const far = path.download(`${base}/bytes/${BYTES}?seed=3`);
      const narrow = await sizesOf(lab, "eth3", async () => {
        const result = await far.result();
        assert.ok(result.ok, JSON.stringify(result));
        // One loss, found by the server's own means, and no timeout after that.
        assert.ok(result.longestPauseMs < 3000, `${result.longestPauseMs} ms without a byte`);
      });
      assert.ok(narrow > NARROW_MTU - 30 && narrow <= NARROW_MTU, `${narrow} bytes a packet`);

      const session = await lab.sessionOf(await far.connected());
      assert.equal(session?.pathMtu, NARROW_MTU);
      const all = session.bytes.viaNat + session.bytes.viaBypass;
      assert.ok(session.bytes.viaBypass > 0.8 * all, JSON.stringify(session));

      // The servers know nothing of it, so another client of the same SNAT addresses does not suffer.
      const ordinary = await sizesOf(lab, "eth0", async () => {
        const result = await lab.download({ url: base, bytes: BYTES }).result();
        assert.ok(result.ok, JSON.stringify(result));
      });
      assert.ok(ordinary > 1450, `${ordinary} bytes a packet`);
      for (const server of ["s1", "s2"] as const) {
        const nat = hostOf(session.nat);
        const route = await lab.lab.mustRun(server, ["ip", "route", "get", nat]);
        assert.doesNotMatch(route, /mtu/);
      }
      for (const node of ["client", "s1", "s2"] as const) {
        assert.equal((await lab.lab.tcpCounters(node)).checksumErrors, 0, node);
      }
    },
  );

  together.test(
    `IPv${family}: an instruction in force is replaced by one that says the path MTU`,
    NEEDS,
    async () => {
      await using lab = await bypassingLab({ immediately: true });
      await using path = await SmallPath.up(lab.lab);
      // Slow enough to be looked at.
      const far = path.download(`${base}/bytes/40000000?seed=3&rate=2000000`);
      const client = await far.connected();
      const instruction = await waitFor("an instruction with a path MTU", async () => {
        const all = await lab.instructions("nat");
        return all.find((it) => it.rewrite.destination === client && it.pathMtu !== null);
      });
      assert.equal(instruction.pathMtu, NARROW_MTU);
      await waitFor(
        "the bypass to go on",
        async () => (await lab.sessionOf(client))?.path === "bypass",
      );
      const address = hostOf(instruction.match.source);
      const server = address === ADDRESSES.s1 || address === ADDRESSES6.s1 ? "s1" : "s2";
      const held = await lab.instructions(server);
      assert.deepEqual(held.map((it) => [it.session, it.generation, it.pathMtu]), [
        [instruction.session, instruction.generation, NARROW_MTU],
      ]);
      const before = await lab.sessionOf(client);
      const result = await far.finish();
      assert.ok(result.ok, JSON.stringify(result));
      const after = await lab.sessionOf(client);
      assert.equal(after!.packets.viaNat, before!.packets.viaNat, "all subsequent ones directly");
    },
  );

  together.test(`IPv${family}: tracepath finds the path MTU and the VIP`, NEEDS, async () => {
    await using lab = await bypassingLab({ immediately: true });
    await using path = await SmallPath.up(lab.lab);
    const told = await path.run("tracepath", `-${family}`, "-n", vip);
    assert.match(told, new RegExp(`pmtu ${NARROW_MTU}`));
    assert.match(told, new RegExp(`${vip}.*reached`, "i"), told);
  });

  together.test(
    `IPv${family}: a server that sends datagrams too large for a path is told, and cuts them`,
    NEEDS,
    async () => {
      await using lab = await bypassingLab({ immediately: true });
      await using path = await SmallPath.up(lab.lab);
      const end = family === 4 ? `${vip}:9000` : `[${vip}]:9000`;
      const count = 400;
      const client = path.start([
        ...selfCommand(),
        ...["lab", "traffic", "udp-stream-client", end],
        ...["--count", `${count}`, "--size", "1400", "--rate", "200"],
      ]);
      const line = await client.waitForLine((it) => it.includes('"event":"done"'));
      const { received, corrupted, strangers } = JSON.parse(line);
      // Only those are lost that were on their way before the server knew; else all would be.
      assert.ok(received > count / 2, line);
      assert.deepEqual([corrupted, strangers], [0, 0]);
    },
  );
}

function hostOf(end: string): string {
  return end.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
}
