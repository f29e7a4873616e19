/**
 * tshark reads what passed the lab's links while everything went on at once: downloads, a stream of
 * datagrams, fragments and pings, by both IP versions, by way of the NAT machine and bypassing it.
 * It finds no packet malformed and no checksum wrong.
 */
import assert from "node:assert/strict";
import type { BypathLab } from "../../lab/bypath_lab.ts";
import { HTTP_PORT, STREAM_PORT } from "../../lab/lab_files.ts";
import { ADDRESSES, ADDRESSES6 } from "../../lab/topology.ts";
import { rootTest } from "../support/root_test.ts";
import { Capture, offloadOff, type Place } from "./support/capture.ts";
import { run, serviceOf, sharedLab } from "./support/peer_lab.ts";
import { count, judge } from "./support/tshark.ts";

const PLACES: readonly Place[] = [
  { node: "client", device: "eth0" },
  { node: "router", device: "eth1" },
  { node: "router", device: "eth2" },
  { node: "nat", device: "eth1" },
  { node: "s1", device: "eth0" },
];
const CLIENT = 0;
/** Where the servers' packets come to the router. */
const DIRECT = 2;
const FAMILIES = [4, 6] as const;
const FILE_BYTES = 1_000_000;
const NEVER_PORT = 81;

const lab = sharedLab(async (lab) => {
  await offloadOff(lab);
  await lab.startServers();
  await lab.startNat((config) => {
    config.services = FAMILIES.flatMap((family) => [
      ...[80, NEVER_PORT].map((port) =>
        serviceOf({
          name: `web${family}-${port}`,
          family,
          port,
          serverPort: HTTP_PORT,
          bypass: port === NEVER_PORT ? { never: true } : { bytes: "64KiB" },
        })
      ),
      serviceOf({
        name: `stream${family}`,
        protocol: "udp",
        family,
        port: STREAM_PORT,
        bypass: { packets: 100 },
      }),
    ]);
  });
  await lab.startAgent("s1");
});

rootTest("tshark finds no bad checksum and no malformed packet on any link", {
  tools: ["tshark", "tcpdump", "ethtool", "ping"],
}, async (context) => {
  const bypath = await lab();
  const captures = await Promise.all(PLACES.map((place) => Capture.start(bypath, place)));
  for (const family of FAMILIES) await makeTraffic(bypath, family);
  await Promise.all(captures.map((capture) => capture.stop()));

  const verdicts = await Promise.all(captures.map(({ file }) => judge(file)));
  for (const [i, { node, device }] of PLACES.entries()) {
    await context.step(`${device} of ${node}`, () => {
      const { packets, complaints } = verdicts[i]!;
      assert.deepEqual(complaints, []);
      // How many pass where depends on when the instructions arrive.
      assert.ok(packets > 100, `${packets} packets`);
    });
  }
  await context.step(
    "tshark did look at checksums, of all kinds of packets, on both ways",
    async () => {
      const { good } = verdicts[CLIENT]!;
      const { tcp, udp, icmp, icmpv6 } = good;
      assert.ok(tcp > 1_000 && udp > 500 && icmp > 20 && icmpv6 > 20, JSON.stringify(good));
      const isFragment = "ip.flags.mf == 1 || ipv6.fraghdr.more == 1";
      assert.ok(await count(captures[CLIENT]!.file, isFragment) > 200);
      const isResponse = `ip.src == ${ADDRESSES.vip} || ipv6.src == ${ADDRESSES6.vip}`;
      assert.ok(await count(captures[DIRECT]!.file, isResponse) > 200);
    },
  );
});

rootTest("tshark complains about a packet that was changed on the way", {
  tools: ["tshark", "tcpdump"],
}, async () => {
  const bypath = await lab();
  const capture = await Capture.start(bypath, { node: "client", device: "eth0" }, "udp");
  await bypath.stream({ count: 3, rate: 100 }).result();
  await capture.stop();
  const bytes = await Deno.readFile(capture.file);
  bytes[bytes.length - 1]! ^= 1;
  await Deno.writeFile(capture.file, bytes);
  const { packets, complaints } = await judge(capture.file);
  assert.deepEqual([packets, complaints.length], [4, 1]);
});

async function makeTraffic(lab: BypathLab, family: 4 | 6): Promise<void> {
  const vip = family === 4 ? ADDRESSES.vip : ADDRESSES6.vip;
  const host = family === 4 ? vip : `[${vip}]`;
  const downloads = [80, NEVER_PORT].map((port) =>
    lab.download({ family, bytes: FILE_BYTES, url: `http://${host}:${port}` }).result()
  );
  const streams = [1_000, 2_000].map((sizeBytes) =>
    lab.stream({ family, sizeBytes, count: 300, rate: 600 }).result()
  );
  const pings = ["56", "1400", "20000"].map((bytes) =>
    run(lab, "client", `ping -n -${family} -c 5 -i 0.1 -s ${bytes} ${vip}`)
  );
  // Nobody listens there.
  const refused = lab.lab.run("client", ["curl", "-sS", "--max-time", "5", `http://${host}:9/`]);
  for (const result of await Promise.all([...downloads, ...streams])) {
    assert.ok(result.ok, JSON.stringify(result));
  }
  await Promise.all([...pings, refused]);
}
