/**
 * A flood of new sessions at a NAT machine that has half a processor: sessions that exist go on, and
 * when the flood is over new ones are begun again.
 */
import assert from "node:assert/strict";
import { BypathLab } from "../../lab/bypath_lab.ts";
import { startFlood } from "../../lab/bench/loads/flood.ts";
import { LOAD, startLoadPeer } from "../../lab/bench/loads/datagrams.ts";
import { routeSessionClients, sendSessions, startGapRun } from "../../lab/bench/loads/sessions.ts";
import { ADDRESSES } from "../../lab/topology.ts";
import { waitFor } from "../../lab/wait.ts";
import { rootTest } from "../support/root_test.ts";

const NEEDS = {
  capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"],
  tools: ["ethtool", "taskset"],
} as const;
const FLOOD = 300_000;

rootTest("a flood of new sessions does not touch those that exist", NEEDS, async () => {
  await using lab = await BypathLab.up("faults-overload");
  await startLoadPeer(lab);
  await routeSessionClients(lab);
  await lab.startNat((config) => {
    config.capacity = 1_048_576;
    config.cpus = [0];
    config.snat.addresses = ["10.0.1.1-10.0.1.16"];
    config.services = [{
      name: LOAD.name,
      vip: ADDRESSES.vip,
      protocol: "udp",
      port: LOAD.port,
      servers: [{ address: ADDRESSES.s1, port: LOAD.port }],
      bypass: { start: { never: true } },
    }];
  });
  const packets = async () => {
    const { packets, worker } = await lab.status();
    return { refused: packets.dropped.overload!, lost: worker.socketDrops };
  };
  const busy = lab.lab.start("nat", ["taskset", "-c", "0", "sh", "-c", "while :; do :; done"]);
  const host = ADDRESSES.vip;
  const session = await startGapRun(lab, { host, forMs: 3_000, delayMs: 1_000 });
  assert.equal((await packets()).refused, 0);
  const flood = await startFlood(lab, { host, count: FLOOD, rate: Infinity });
  await waitFor("new sessions to be refused", async () => (await packets()).refused > 0);
  const { sent, answered } = await session.result();
  const { refused, lost } = await packets();
  await busy.stop();
  const results = await flood.results();
  const share = (part: number, whole: number) => `${Math.round(100 * part / whole)} %`;
  const begun = results.reduce((sum, { received }) => sum + received, 0);
  console.log(
    `    ${share(answered, sent)} of ${sent} requests were answered, ` +
      `${
        share(begun, FLOOD)
      } of the flood's sessions were begun, ${refused} refused by then, ${lost} lost in the kernel`,
  );
  assert.ok(refused > FLOOD / 20, `${refused} were refused while the session was looked at`);
  assert.ok(sent > 100 && answered > 0.95 * sent, `${answered} of ${sent} were answered`);
  assert.ok(begun > FLOOD / 20, `${begun} sessions were begun all the same`);

  const later = await startGapRun(lab, { host, forMs: 100 });
  await later.result();
  const after = (await packets()).refused;
  const { received, sent: sentLater } = await sendSessions(lab, {
    ...{ host, clients: 100, count: 100, rate: 500 },
  });
  assert.deepEqual({ received, after: (await packets()).refused }, { received: sentLater, after });
});
