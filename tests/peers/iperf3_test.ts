/**
 * iperf3 through the VIP: its control connection is TCP, its datagrams come by UDP to the same port.
 * Datagrams larger than the MTU travel in fragments, in both directions.
 */
import assert from "node:assert/strict";
import type { BypathLab } from "../../lab/bypath_lab.ts";
import { waitFor } from "../../lab/wait.ts";
import { ADDRESSES, ADDRESSES6 } from "../../lab/topology.ts";
import { rootTest } from "../support/root_test.ts";
import { run, serviceOf, sharedLab } from "./support/peer_lab.ts";

const WAYS = [
  { way: "via NAT", port: 5201, bypass: { never: true } },
  { way: "with the agent", port: 5202, bypass: { immediately: true } },
] as const;
const FAMILIES = [4, 6] as const;
/** At what rate a run is; low, since a host that is busy with other tests must not lose any. */
const BITS_PER_SECOND = 20_000_000;
const MTU = 1500;

const lab = sharedLab(async (lab) => {
  const servers = WAYS.map(({ port }) =>
    lab.lab.start("s1", ["iperf3", "-s", "-p", `${port}`, "--forceflush"])
  );
  await Promise.all(
    servers.map((server) => server.waitForLine((line) => line.includes("listening"))),
  );
  await lab.startNat((config) => {
    config.services = WAYS.flatMap(({ port, bypass }) =>
      FAMILIES.flatMap((family) =>
        (["tcp", "udp"] as const).map((protocol) =>
          serviceOf({ name: `${protocol}${family}-${port}`, protocol, family, port, bypass })
        )
      )
    );
  });
  await lab.startAgent("s1");
});

for (const { way, port } of WAYS) {
  for (const family of FAMILIES) {
    for (
      const { bytes, count, direction, flags } of [
        { bytes: 8_000, count: 150, direction: "to the server", flags: [] },
        { bytes: 8_000, count: 150, direction: "to the client", flags: ["-R"] },
        { bytes: 60_000, count: 20, direction: "to the server", flags: [] },
        { bytes: 60_000, count: 20, direction: "to the client", flags: ["-R"] },
        { bytes: 1_200, count: 500, direction: "to the client", flags: ["-R"] },
      ]
    ) {
      const name = `iperf3: datagrams of ${bytes} bytes ${direction} over IPv${family}, ${way}`;
      rootTest(name, { tools: ["iperf3"] }, async () => {
        const vip = family === 4 ? ADDRESSES.vip : ADDRESSES6.vip;
        const options = `-p ${port} -u -l ${bytes} -b ${BITS_PER_SECOND} -k ${count} -J`;
        const [from, to] = flags.length === 0
          ? ["client", "s1"] as const
          : ["s1", "client"] as const;
        const bypath = await lab();
        const before = [await datagrams(bypath, from), await datagrams(bypath, to)] as const;
        const told = await run(
          bypath,
          "client",
          ["iperf3", "-c", vip, ...options.split(" "), ...flags].join(" "),
        );
        const { sum } = (JSON.parse(told) as Iperf3Result).end;
        assert.ok(sum.packets >= count, told);
        // iperf3 counts what is overtaken as lost as well; the kernels know better.
        const sent = (await datagrams(bypath, from)).sent - before[0].sent;
        const now = await datagrams(bypath, to);
        // Fragments are counted when they have come; of them iperf3's greeting is none. Other datagrams
        // are counted when they are read, and some are left when iperf3 ends.
        const [arrived, unread] = bytes > MTU
          ? [now.reassembled - before[1].reassembled, 1]
          : [now.arrived - before[1].arrived, 0.02 * count];
        assert.ok(sent >= count && sent - arrived <= unread, `${arrived} of ${sent} arrived`);
      });
    }
  }
}

rootTest(
  "iperf3: whole datagrams bypass, fragments go by the NAT machine",
  { tools: ["iperf3"] },
  async () => {
    const counts = async (name: string) => await countsOf(await lab(), name);
    for (const family of FAMILIES) {
      const never = await counts(`udp${family}-5201`);
      assert.equal(never.viaBypass, 0);
      // What the agent counted comes with its next report, within a second.
      const bypassed = await waitFor(`reports of udp${family}-5202`, async () => {
        const now = await counts(`udp${family}-5202`);
        return now.viaBypass > 100 ? now : null;
      });
      assert.ok(bypassed.viaNat > 100, JSON.stringify(bypassed));
    }
  },
);

interface Iperf3Result {
  readonly end: { readonly sum: { readonly packets: number } };
}

/** What the kernel of a machine has counted, of both IP versions. */
async function datagrams({ lab }: BypathLab, node: "client" | "s1") {
  const text = await lab.mustRun(node, ["cat", "/proc/net/snmp", "/proc/net/snmp6"]);
  // The second line that begins so has the values.
  const [received, noPort, errors, sent] = text.match(/^Udp: \d.*$/m)![0].split(" ").slice(1).map(
    Number,
  );
  const of6 = (name: string) => Number(new RegExp(`^${name}\\s+(\\d+)`, "m").exec(text)?.[1]);
  const [names, values] = [...text.matchAll(/^Ip: .*$/mg)].map(([line]) => line.split(" "));
  return {
    sent: sent! + of6("Udp6OutDatagrams"),
    // An error is a full buffer: iperf3 was not scheduled for a moment.
    arrived: received! + noPort! + errors! + of6("Udp6InDatagrams") + of6("Udp6NoPorts") +
      of6("Udp6InErrors"),
    reassembled: Number(values![names!.indexOf("ReasmOKs")]) + of6("Ip6ReasmOKs"),
  };
}

/** Response packets of all sessions of a service. */
async function countsOf(lab: BypathLab, service: string) {
  const sessions = await lab.sessions("--service", service);
  return {
    viaNat: sessions.reduce((sum, { packets }) => sum + packets.viaNat, 0),
    viaBypass: sessions.reduce((sum, { packets }) => sum + packets.viaBypass, 0),
  };
}
