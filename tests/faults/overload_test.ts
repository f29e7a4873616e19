/**
 * More than a NAT machine that has half a processor can carry. A flood of new sessions: those that exist
 * go on, and when it is over new ones are begun again. A flood of sessions that exist: their packets are
 * lost where an operator sees it, and nothing else is.
 */
import assert from "node:assert/strict";
import { BypathLab } from "../../lab/bypath_lab.ts";
import { startFlood } from "../../lab/bench/loads/flood.ts";
import { LOAD, startLoadFromRouter, startLoadPeer } from "../../lab/bench/loads/datagrams.ts";
import { routeSessionClients, sendSessions, startGapRun } from "../../lab/bench/loads/sessions.ts";
import { PacketRates } from "../../lab/bench/meters/packet_rates.ts";
import type { InspectedServer } from "../../lab/inspect_json.ts";
import { ADDRESSES } from "../../lab/topology.ts";
import { waitFor } from "../../lab/wait.ts";
import { rootTest } from "../support/root_test.ts";

const NEEDS = {
  capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"],
  tools: ["curl", "ethtool", "taskset"],
} as const;
const FLOOD = 300_000;
const METRICS = "127.0.0.1:9090";
const HOST = ADDRESSES.vip;
/** What an operator would call out of order, on a host whose every CPU is busy. */
const SLOW_MS = 3_000;

rootTest("a flood touches neither sessions that exist nor control and health", NEEDS, async (t) => {
  await using lab = await BypathLab.up("faults-overload");
  const peer = await startLoadPeer(lab);
  await routeSessionClients(lab);
  const checked = `${ADDRESSES.s1}:${LOAD.port}`;
  const web = lab.startTraffic("s1", "http-server", "--listen", checked);
  await web.waitForLine((line) => line.includes('"event":"listening"'));
  await lab.startNat((config) => {
    config.capacity = 1_048_576;
    config.cpus = [0];
    config.metrics = METRICS;
    config.snat.addresses = ["10.0.1.1-10.0.1.16"];
    config.services = [{
      name: LOAD.name,
      vip: ADDRESSES.vip,
      protocol: "udp",
      port: LOAD.port,
      servers: [{ address: ADDRESSES.s1, port: LOAD.port }],
      health: { tcp: {}, interval: "1s", timeout: "1s", rise: 1 },
      bypass: { start: { never: true } },
    }];
  });
  await waitFor("the server to be up", async () => (await serverOf(lab)).health === "up");
  const upMs = performance.now();
  const packets = async () => {
    const { packets, worker } = await lab.status();
    return { refused: packets.dropped.overload!, lost: worker.socketDrops };
  };
  const busy = lab.lab.start("nat", ["taskset", "-c", "0", "sh", "-c", "while :; do :; done"]);

  await t.step("of new sessions", async () => {
    const session = await startGapRun(lab, { host: HOST, forMs: 3_000, delayMs: 1_000 });
    assert.equal((await packets()).refused, 0);
    const flood = await startFlood(lab, { host: HOST, count: FLOOD, rate: Infinity });
    await waitFor("new sessions to be refused", async () => (await packets()).refused > 0);
    await look(lab);
    const { sent, answered } = await session.result();
    const { refused, lost } = await packets();
    const results = await flood.results();
    const begun = results.reduce((sum, { received }) => sum + received, 0);
    console.log(
      `    ${share(answered, sent)} of ${sent} requests were answered, ` +
        `${share(begun, FLOOD)} of the flood's sessions were begun, ` +
        `${refused} refused by then, ${lost} lost in the kernel`,
    );
    assert.ok(refused > FLOOD / 20, `${refused} were refused while the session was looked at`);
    assert.ok(sent > 100 && answered > 0.95 * sent, `${answered} of ${sent} were answered`);
    assert.ok(begun > FLOOD / 100, `${begun} sessions were begun all the same`);
  });

  await t.step("of sessions that exist", async () => {
    const before = await packets();
    const sender = await startLoadFromRouter(lab, { host: HOST, rate: 3_000_000, seconds: 30 });
    await waitFor("the kernel to lose packets", async () => (await packets()).lost > before.lost);
    const rates = new PacketRates({ pid: sender.pid, device: "eth1" }, peer.pid);
    await look(lab);
    const { offered, carried } = rates.now();
    await sender.stop();
    console.log(`    ${share(carried, offered)} of what was offered was carried`);
    assert.ok(carried > 0 && carried < 0.95 * offered, `${carried} of ${offered} a second`);
    const { refused } = await packets();
    assert.equal(refused, before.refused, "sessions that exist were refused");
  });

  await busy.stop();
  await t.step("is over, and new sessions are begun again", async () => {
    // What waits at the sockets goes first.
    const later = await startGapRun(lab, { host: HOST, forMs: 20_000 });
    await later.process.stop();
    const after = (await packets()).refused;
    const { received, sent } = await sendSessions(lab, {
      ...{ host: HOST, clients: 100, count: 100, rate: 500 },
    });
    assert.deepEqual({ received, after: (await packets()).refused }, { received: sent, after });
    const sinceUpMs = performance.now() - upMs;
    const { health, healthSinceMs } = await serverOf(lab);
    assert.equal(health, "up");
    assert.ok(healthSinceMs >= Math.floor(sinceUpMs), "its health has changed meanwhile");
  });
});

/** As an operator and a monitoring system do, while there is too much to do. */
async function look(lab: BypathLab): Promise<void> {
  const asked = performance.now();
  assert.equal((await serverOf(lab)).health, "up");
  const answeredMs = performance.now() - asked;
  const scrape = ["curl", "-sSf", "--max-time", `${SLOW_MS / 1000}`, `http://${METRICS}/metrics`];
  const metrics = await lab.lab.mustRun("nat", scrape);
  assert.match(metrics, /^bypath_socket_dropped_packets_total/m);
  assert.match(metrics, /^bypath_server_health\{.*state="up".*\} 1$/m);
  assert.ok(answeredMs < SLOW_MS, `the control socket took ${answeredMs} ms`);
}

async function serverOf(lab: BypathLab): Promise<InspectedServer> {
  const [server] = await lab.ask<InspectedServer[]>("servers");
  return server!;
}

function share(part: number, whole: number): string {
  return `${Math.round(100 * part / whole)} %`;
}
