/**
 * The promise that all of it rests on: an instruction never translates another session's packet. Few
 * NAT endpoints, given out again after the shortest of rests; thousands of short sessions; every one
 * bypassed at once; and meanwhile agents killed and restarted, connections cut, and the channel silent.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { BypathLab } from "../../lab/bypath_lab.ts";
import { impairControlChannel } from "../../lab/impairments/control_channel.ts";
import { ControlProxies } from "../../lab/impairments/control_proxy.ts";
import type { InspectedStatus } from "../../lab/inspect_json.ts";
import { CONTROL_PROXY, SERVER_NAMES, type ServerName } from "../../lab/lab_files.ts";
import { tablesLeft } from "../../lab/leftovers.ts";
import { ADDRESSES, type NodeName } from "../../lab/topology.ts";
import { waitFor } from "../../lab/wait.ts";
import { hasCapability } from "../../lib/linux/capabilities.ts";
import { isLinux, rootTest } from "../support/root_test.ts";
import type { DatagramsReport } from "./support/owned_datagrams.ts";
import type { ClientsReport } from "./support/owned_clients.ts";
import type { TapReport } from "./support/owned_tap.ts";

const PORT = 80;
const SERVER_PORT = 8100;
/** NAT endpoints of each server; fewer than sessions at once. */
const ENDPOINTS = 64;
const AT_ONCE = 160;
/** Each is open for a quarter of a second, and its NAT endpoint rests for twice that. */
const DATAGRAM_SESSIONS_AT_ONCE = 40;
const FOR_MS = 25_000;
const CLIENTS = Array.from({ length: 8 }, (_, i) => `198.51.100.${2 + i}`);

rootTest(
  "an instruction never translates another session's packet, under port exhaustion and churn",
  { tools: ["nft"], timeoutMs: 180_000 },
  async () => {
    await using lab = await BypathLab.up();
    await using proxies = await ControlProxies.start(lab, {});
    await startServers(lab);
    await lab.startNat((config) => {
      config.snat = { addresses: ["10.0.1.1"], ports: `1024-${1024 + ENDPOINTS - 1}` };
      config.services = (["tcp", "udp"] as const).map((protocol) => ({
        name: `owned-${protocol}`,
        protocol,
        vip: ADDRESSES.vip,
        port: PORT,
        scheduler: "round-robin",
        servers: SERVER_NAMES.map((name) => ({ address: ADDRESSES[name], port: SERVER_PORT })),
        bypass: { start: { immediately: true } },
      }));
      config.timeouts = {
        ...{ tcpClosing: "1s", tcpOpening: "2s", tcpEstablished: "20s" },
        ...{ udpOpening: "300ms", udp: "300ms" },
      };
      // Shorter than the lease: it is the instruction's end that a NAT endpoint waits for.
      config.quarantine = "300ms";
      if (config.control) config.control = { ...config.control, lease: "3s" };
    });
    const startAgent = (name: ServerName) =>
      lab.startAgent(name, (config) => void (config.nat = [CONTROL_PROXY]));
    await Promise.all(SERVER_NAMES.map(startAgent));
    // Client endpoints come back soon, too.
    const range = "echo 40000 40499 > /proc/sys/net/ipv4/ip_local_port_range";
    await lab.lab.mustRun("client", ["sh", "-c", range]);

    const tap = run(lab, "router", "owned_tap.ts", ADDRESSES.vip, `${PORT}`);
    await tap.waitForLine((line) => line.startsWith("{"));
    const clients = run(
      ...[lab, "client", "owned_clients.ts", ADDRESSES.vip, `${PORT}`] as const,
      ...[`${FOR_MS}`, `${AT_ONCE}`, ...CLIENTS],
    );
    const datagrams = run(
      ...[lab, "client", "owned_datagrams.ts", "client", ADDRESSES.vip, `${PORT}`] as const,
      ...[`${FOR_MS}`, `${DATAGRAM_SESSIONS_AT_ONCE}`, ...CLIENTS],
    );
    await clients.waitForLine((line) => line === '"begun"');
    while (clients.running) {
      await unrest(lab, proxies, startAgent);
    }
    const lines = await clients.finish();
    const { complete, aborted, refused, broken, wrong, whatBroke } = JSON.parse(
      lines.at(-1)!,
    ) as ClientsReport;
    const udp = JSON.parse((await datagrams.finish()).at(-1)!) as DatagramsReport;
    const status = await lab.ask<InspectedStatus>("status");
    const seen = await lastReport(tap);

    assert.deepEqual(seen.strangers, []);
    assert.equal(seen.strangerCount, 0);
    assert.equal(seen.missed, 0, "the tap has not seen everything");
    assert.equal(wrong, 0);
    assert.equal(udp.wrong, 0);
    // With time-outs this short, a host too busy to keep a session moving for a second ends it.
    assert.ok(broken <= complete / 100, `${broken} of ${complete} broke: ${whatBroke.join("; ")}`);
    // And it was what it was meant to be, with nothing but our own kept from the hosts' kernels.
    assert.equal(status.hostShield, hasCapability("CAP_BPF") && isLinux("6.6"));
    const endpoints = SERVER_NAMES.length * ENDPOINTS;
    assert.ok(complete > 4 * endpoints, `only ${complete} sessions, ${endpoints} NAT endpoints`);
    assert.ok(aborted > 0 && refused > 0, `${aborted} aborted, ${refused} refused`);
    assert.ok(status.packets.dropped.noPort! > 0, "NAT endpoints never ran out");
    assert.ok(seen.direct > complete, `only ${seen.direct} segments came directly`);
    assert.ok(seen.connections > complete);
    assert.ok(udp.received > 4 * endpoints, `only ${udp.received} datagrams`);
    await waitFor("nothing to be left", async () => (await tablesLeft(lab)).length === 0, {
      timeoutMs: 40_000,
    });
  },
);

let turn = 0;

/** One thing after another that makes agents and NAT machine disagree for a while. */
async function unrest(
  lab: BypathLab,
  proxies: ControlProxies,
  startAgent: (name: ServerName) => Promise<unknown>,
): Promise<void> {
  const server = SERVER_NAMES[turn % SERVER_NAMES.length]!;
  switch (turn++ % 4) {
    case 0: {
      lab.agent(server).kill("SIGKILL");
      await lab.agent(server).ended;
      await startAgent(server);
      break;
    }
    case 1:
      for (let i = 0; i < 5; i++) {
        proxies.cut();
        await pause(300);
      }
      break;
    case 2: {
      // Longer than the lease.
      await using _ = await impairControlChannel(lab.lab, { direction: "both" });
      await pause(5_000);
      break;
    }
    case 3:
      await lab.stopAgent(server);
      await startAgent(server);
      break;
  }
  await pause(1_000);
}

async function startServers(lab: BypathLab): Promise<void> {
  const servers = SERVER_NAMES.flatMap((name) => [
    run(lab, name, "owned_server.ts", ADDRESSES[name], `${SERVER_PORT}`),
    run(lab, name, "owned_datagrams.ts", "server", ADDRESSES[name], `${SERVER_PORT}`),
  ]);
  await Promise.all(servers.map((each) => each.waitForLine((line) => line === '"listening"')));
}

function run(lab: BypathLab, node: NodeName, program: string, ...args: string[]) {
  const path = fileURLToPath(new URL(`support/${program}`, import.meta.url));
  const deno = [Deno.execPath(), "run", "--allow-all", "--no-check", "--quiet"];
  return lab.lab.start(node, [...deno, path, ...args]);
}

async function lastReport(tap: ReturnType<typeof run>): Promise<TapReport> {
  const after = tap.stdout.seen;
  await tap.waitForLine((line) => line.startsWith("{"), { after });
  return JSON.parse(tap.stdout.lines.at(-1)!) as TapReport;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
