/**
 * While a session bypasses, what the NAT machine knows of it is as true as if its packets had passed
 * there: the state, the idle clock and the counters, one second late at most.
 */
import assert from "node:assert/strict";
import { BypathLab } from "../../lab/bypath_lab.ts";
import { readInterfaceCounters } from "../../lab/counters.ts";
import type { InspectedSession } from "../../lab/inspect_json.ts";
import { ADDRESSES } from "../../lab/topology.ts";
import { waitFor } from "../../lab/wait.ts";
import { rootTest } from "../support/root_test.ts";
import { sessionNow } from "../support/session_now.ts";
import { FeedClient, startFeedServer } from "./support/feed.ts";

const FEED_PORT = 9_200;
/** Shorter than any test here: a session lives on only by what is seen of it. */
const IDLE_MS = 3_000;
/** How late a report may be, and what a busy host adds. */
const LATE_MS = 1_000 + 500;

/** A lab whose sessions bypass at once and are forgotten soon. */
async function startLab(): Promise<BypathLab> {
  const lab = await BypathLab.up();
  await lab.startServers();
  await startFeedServer(lab.lab, FEED_PORT);
  const idle = `${IDLE_MS}ms`;
  await lab.startNat((config) => {
    const service = {
      vip: ADDRESSES.vip,
      port: FEED_PORT,
      servers: [{ address: ADDRESSES.s1, port: FEED_PORT }],
      bypass: { start: { immediately: true as const } },
    };
    config.services = [
      { ...config.services[0]!, servers: config.services[0]!.servers.slice(0, 1) },
      { ...service, name: "feed-tcp", protocol: "tcp" },
      { ...service, name: "feed-udp", protocol: "udp" },
    ];
    config.timeouts = { tcpEstablished: idle, udp: idle };
  });
  await lab.startAgent("s1");
  return lab;
}

let lab: Promise<BypathLab> | undefined;
let nextPort = 42_000;
Deno.test.afterAll(async () => await (await lab?.catch(() => undefined))?.down());

/** A client whose session bypasses. */
async function bypassing(protocol: "tcp" | "udp"): Promise<{ lab: BypathLab; peer: FeedClient }> {
  const made = await (lab ??= startLab());
  const peer = new FeedClient(made.lab, { protocol, port: FEED_PORT, localPort: nextPort++ });
  await peer.order("feed 50");
  await waitFor("the session to bypass", async () => {
    const session = await made.sessionOf(peer.client);
    return session?.path === "bypass" && session.packets.viaBypass > 0;
  });
  return { lab: made, peer };
}

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

for (const protocol of ["tcp", "udp"] as const) {
  rootTest(
    `a ${protocol} session that only the server feeds, directly, does not expire`,
    {},
    async () => {
      const { lab, peer } = await bypassing(protocol);
      await using _peer = peer;
      const before = await lab.sessionOf(peer.client);
      // Reports are up to a second old: it must not be taken for idle while one is on its way.
      await peer.order(`feed ${IDLE_MS - 300}`);
      await peer.more(4);
      const session = await lab.sessionOf(peer.client);
      assert.equal(session?.id, before?.id);
      assert.equal(session?.path, "bypass");
      assert.equal(
        session?.packets.viaNat,
        before?.packets.viaNat,
        "nothing came by the NAT machine",
      );
      assert.ok(session!.idleMs < IDLE_MS + LATE_MS, `${session!.idleMs} ms idle`);

      await peer.order("quiet");
      await waitFor("the idle session to end", async () => {
        const session = await lab.sessionOf(peer.client);
        return session === null || session.state === "closed";
      });
    },
  );
}

for (const [order, state] of [["end", "closing"], ["reset", "reset"]] as const) {
  rootTest(
    `the server's direct ${order === "end" ? "FIN" : "RST"} is known at once`,
    {},
    async () => {
      const { lab, peer } = await bypassing("tcp");
      await using _peer = peer;
      const orderedAt = performance.now();
      await peer.order(order);
      await waitFor("the session to be closing", async () => {
        const session = await sessionNow(lab, peer.client);
        return session === null || ["closing", "reset", "closed"].includes(session.state);
      });
      const tookMs = performance.now() - orderedAt;
      assert.ok(tookMs < LATE_MS + 500, `${state} was known after ${tookMs} ms`);
    },
  );
}

rootTest(
  "counters never go back, over stop, start and a new agent; and they are the kernel's",
  {},
  async () => {
    const made = await (lab ??= startLab());
    const namespace = made.lab.namespace("client");
    const before = await readInterfaceCounters(namespace, "eth0");
    const bytes = 60_000_000;
    const download = made.download({ bytes, rate: 2_000_000 });
    const client = await download.connected();
    const totals: InspectedSession[] = [];
    const look = async () => {
      const session = await made.sessionOf(client);
      if (session !== null) totals.push(session);
    };
    const faults = [
      () => made.switchBypass("stop"),
      () => made.switchBypass("start"),
      async () => {
        made.agent("s1").kill("SIGTERM");
        await made.agent("s1").ended;
        await made.startAgent("s1");
      },
      () => made.switchBypass("stop"),
      () => made.switchBypass("start"),
    ];
    for (const [i, fault] of faults.entries()) {
      await download.reached(2_000_000 * (i + 1));
      await look();
      await fault();
      await look();
    }
    await waitFor("the bypass", async () => (await made.sessionOf(client))?.path === "bypass");
    const result = await download.finish();
    assert.ok(result.ok);
    await sleep(LATE_MS);
    await look();
    const after = await readInterfaceCounters(namespace, "eth0");

    for (const [i, later] of totals.entries()) {
      const earlier = totals[i - 1];
      if (earlier === undefined) continue;
      for (const way of ["fromClient", "viaNat", "viaBypass"] as const) {
        assert.ok(later.bytes[way] >= earlier.bytes[way], `bytes ${way} went back`);
        assert.ok(later.packets[way] >= earlier.packets[way], `packets ${way} went back`);
      }
    }
    const { packets, bytes: counted } = totals.at(-1)!;
    assert.ok(counted.viaBypass > bytes / 4 && counted.viaNat > 0, JSON.stringify(counted));
    // IP bytes here, frames there: 14 bytes of Ethernet header for each. The lab's links carry
    // super-packets uncut, so both sides count one as one.
    // ARP, neighbour discovery and the end of earlier sessions are not this session's.
    const othersBytes = 4_000;
    const near = (ours: number, kernels: number, what: string) => {
      const difference = Math.abs(ours - kernels);
      assert.ok(
        difference < kernels / 100 + othersBytes,
        `${what}: ${ours} here, ${kernels} by the kernel's counters`,
      );
    };
    const toClient = counted.viaNat + counted.viaBypass;
    const frames = packets.viaNat + packets.viaBypass;
    near(toClient + 14 * frames, after.rxBytes - before.rxBytes, "bytes to the client");
    const fromClient = counted.fromClient + 14 * packets.fromClient;
    near(fromClient, after.txBytes - before.txBytes, "bytes from the client");
  },
);
