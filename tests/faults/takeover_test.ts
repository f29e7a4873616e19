/**
 * A new process takes the place of a running NAT machine: no packet is lost or doubled, and whatever
 * becomes of the new process before it has committed itself, the old one goes on.
 */
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { BypathLab } from "../../lab/bypath_lab.ts";
import type { InspectedSession, InspectedStatus } from "../../lab/inspect_json.ts";
import { CheckedTraffic, startFarEnds } from "../../lab/checked_traffic.ts";
import { type NatYaml, SERVER_NAMES } from "../../lab/lab_files.ts";
import type { LabProcess } from "../../lab/lab_process.ts";
import { FLOW_PORT, STREAM_PORT } from "../../lab/ports.ts";
import { ADDRESSES } from "../../lab/topology.ts";
import type { FlowKind } from "../../lab/traffic/flow.ts";
import type { PlannedFlow } from "../../lab/traffic_mix.ts";
import { waitFor } from "../../lab/wait.ts";
import { ask } from "../../lib/control/admin_client.ts";
import { AdminConversation } from "../../lib/control/admin_conversation.ts";
import { DescriptorInbox } from "../../lib/linux/descriptor_passing.ts";
import { LAYOUT_VERSION } from "../../lib/session/layout.ts";
import { rootTest } from "../support/root_test.ts";

const NEEDS = { capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"] } as const;
/** Bytes a second of a download, datagrams a second of the stream. */
const RATE = 6_000_000;
const DATAGRAMS = 2_000;

let shared: Promise<BypathLab> | null = null;
let servers: LabProcess[] = [];

/** One lab for all tests of this file. */
function theLab(): Promise<BypathLab> {
  shared ??= (async () => {
    const lab = await BypathLab.up("faults-takeover");
    servers = await startFarEnds(lab);
    await lab.startNat(withFlows);
    await lab.startAgents();
    return lab;
  })();
  return shared;
}

/** "never" is the same as "flow", always via NAT. */
function withFlows(config: NatYaml): void {
  const web = config.services.find(({ name }) => name === "web")!;
  const flow = {
    ...web,
    name: "flow",
    port: 90,
    servers: SERVER_NAMES.map((name) => ({ address: ADDRESSES[name], port: FLOW_PORT })),
  };
  config.services.push(flow, {
    ...flow,
    name: "never",
    port: 91,
    bypass: { start: { never: true } },
  });
}

/** Two downloads and a numbered stream, which go on for as long as the host takes for what is done to them. */
const PLAN: readonly PlannedFlow[] = [
  { name: "download, direct", service: "flow", kind: "download", port: 90, bypasses: true },
  { name: "download, via NAT", service: "never", kind: "download", port: 91, bypasses: false },
  { name: "stream", service: "stream", kind: "datagrams", port: STREAM_PORT, bypasses: true },
].map(({ port, kind, ...it }, seed) => ({
  ...it,
  kind: kind as FlowKind,
  server: "s1",
  to: `${ADDRESSES.vip}:${port}`,
  rate: kind === "download" ? RATE : DATAGRAMS,
  seed,
}));

/** Every byte and every datagram is looked for, and every session has to stay what it was. */
async function traffic(lab: BypathLab) {
  const flows = await CheckedTraffic.start(lab, { plan: PLAN, servers });
  await flows.mark();
  const before = await flows.sessions();
  assert.equal(before.length, PLAN.length);
  return {
    /** Ends it whatever became of it. */
    end: async () => void await flows.finish(),
    /** @returns the longest pause of a flow in ms, beyond what it paused before: on a busy host it may again */
    async isWhole(keptOf: (it?: InspectedSession) => unknown = pathOf): Promise<number> {
      await flows.moving();
      const after = await lab.sessions();
      const now = before.map(({ id }) => after.find((it) => it.id === id));
      const isSame = isDeepStrictEqual(now.map(keptOf), before.map(keptOf));
      if (!isSame) console.log(await noted(lab));
      assert.deepEqual(now.map(keptOf), before.map(keptOf));
      const results = await flows.finish();
      for (const { name, complete, wrong, error, datagrams } of results) {
        assert.deepEqual(
          { complete, wrong, error },
          { complete: true, wrong: 0, error: null },
          name,
        );
        const { lost = 0, doubled = 0 } = datagrams ?? {};
        assert.deepEqual({ lost, doubled }, { lost: 0, doubled: 0 }, name);
      }
      return Math.max(
        ...results.map(({ longestPauseMs, quietPauseMs }) => longestPauseMs - quietPauseMs),
      );
    },
  };
}

/** Whose a session is, which way its responses take, and by which instruction. */
function pathOf(session: InspectedSession | undefined) {
  return session && {
    id: session.id,
    nat: session.nat,
    state: session.state,
    path: session.path,
    generation: session.instruction?.generation,
  };
}

function endpointOf(session: InspectedSession | undefined) {
  return session && { id: session.id, nat: session.nat, state: session.state };
}

/** What the NAT machine noted last and says of its sessions: why a path is another one. */
async function noted(lab: BypathLab): Promise<string> {
  const events = await ask(lab.socketOf("nat"), { verb: "events", limit: 40 }) as unknown[];
  return [...events, ...await lab.sessions()].map((it) => JSON.stringify(it)).join("\n");
}

async function kernelDrops(lab: BypathLab): Promise<number> {
  const { worker } = await lab.ask<{ worker: { socketDrops: number } }>("status");
  return worker.socketDrops;
}

rootTest(
  "a new process takes over, three times, and no packet is lost or doubled",
  NEEDS,
  async () => {
    const lab = await theLab();
    const flows = await traffic(lab);
    for (let i = 0; i < 3; i++) {
      const old = lab.nat;
      await lab.takeOverNat();
      assert.equal((await old.ended).code, 0);
      assert.equal(await kernelDrops(lab), 0);
      await waitFor("the agents", async () => await lab.isAble("s1") && await lab.isAble("s2"));
    }
    const pauseMs = await flows.isWhole();
    console.log(`    longest pause ${pauseMs} ms`);
    assert.ok((await lab.download({ bytes: 1_000_000 }).result()).ok, "new sessions work");
  },
);

/** What a process that takes over says, from a process that only plays one. */
async function pretend(lab: BypathLab, changes: Record<string, unknown> = {}) {
  const conversation = await AdminConversation.open(lab.socketOf("nat"));
  const offer = {
    verb: "takeover",
    step: "offer",
    takeover: 1,
    layout: LAYOUT_VERSION,
    namespace: await Deno.readLink(`/proc/${lab.nat.pid}/ns/net`),
    pid: Deno.pid,
    ...changes,
  };
  return { conversation: conversation!, offer };
}

async function events(lab: BypathLab, ...types: string[]): Promise<number> {
  const all = await ask(lab.socketOf("nat"), { verb: "events", limit: 4000 });
  return (all as { type: string }[]).filter(({ type }) => types.includes(type)).length;
}

rootTest(
  "a process that takes over and vanishes before it commits itself leaves no trace",
  NEEDS,
  async () => {
    const lab = await theLab();
    const flows = await traffic(lab);
    const contacts = () => events(lab, "agent-lost", "agent-connected");
    const before = await contacts();
    const folder = await Deno.makeTempDir({ prefix: "bypath-takeover-" });
    for (const steps of [1, 2, 2, 2]) {
      const { conversation, offer } = await pretend(lab);
      await conversation.ask(offer);
      if (steps === 2) {
        using inbox = new DescriptorInbox(`${folder}/inbox`);
        await conversation.ask({ verb: "takeover", step: "freeze", inbox: inbox.path });
        const { descriptors } = await inbox.receive(1000);
        // By the socket: it goes on by itself before a program has started on a busy host.
        const { workers, ready } = await lab.ask<InspectedStatus>("status");
        assert.equal(descriptors.length, 2 + 2 * workers.length, "a lock, a name, and the sockets");
        assert.equal(ready, true, "it can be asked while it stands still");
        await assert.rejects(lab.switchBypass("stop"), /another process is taking over/i);
        await new Promise((resolve) => setTimeout(resolve, 200));
        for (const fd of descriptors) fd.close();
      }
      conversation[Symbol.dispose]();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.equal(await events(lab, "takeover-failed"), 3);
    assert.equal(await contacts(), before, "agents noticed nothing");
    await flows.isWhole();

    const others = await traffic(lab);
    {
      const { conversation, offer } = await pretend(lab);
      using _ = conversation;
      using inbox = new DescriptorInbox(`${folder}/inbox`);
      await conversation.ask(offer);
      await conversation.ask({ verb: "takeover", step: "freeze", inbox: inbox.path });
      const { descriptors } = await inbox.receive(1000);
      await waitFor("the old one to go on", async () => await events(lab, "takeover-failed") === 4);
      for (const fd of descriptors) fd.close();
      const commit = conversation.ask({ verb: "takeover", step: "commit" });
      await assert.rejects(commit, /this process has gone on/);
    }
    const pauseMs = await others.isWhole();
    // It goes on by itself after 2.5 s; a busy host takes its time with that.
    assert.ok(pauseMs < 5_000, `one that hangs made a pause of ${pauseMs} ms`);
    await Deno.remove(folder, { recursive: true });
  },
);

rootTest(
  "a new process that is killed on its way never leaves the host without a NAT machine",
  NEEDS,
  async () => {
    const lab = await theLab();
    const flows = await traffic(lab);
    const path = `${lab.folder}/nat.yaml`;
    let failed = 0;
    // A start takes about this long, so that some are hit while the machine stands still.
    for (const delayMs of [100, 400, 600, 800, 1000]) {
      const next = lab.startSelf("nat", ["nat", "run", "--takeover", "--config", path]);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      if (
        (await lab.ask<InspectedStatus>("status").catch(() => null)) === null || !lab.nat.running
      ) {
        await next.stop();
        break;
      }
      next.kill("SIGKILL");
      await next.ended;
      if (!lab.nat.running) break;
      failed++;
    }
    if (lab.nat.running) await flows.isWhole();
    else {
      await lab.restartNat();
      await flows.end();
    }
    assert.ok(failed > 0);
    assert.ok((await lab.download({ bytes: 1_000_000 }).result()).ok);
  },
);

rootTest(
  "a process of another version, another namespace, or a second one is refused",
  NEEDS,
  async () => {
    const lab = await theLab();
    const refusals: [Record<string, unknown>, RegExp][] = [
      [{ layout: LAYOUT_VERSION + 1 }, /table layout \d+ .* stop this one and start the other/],
      [{ takeover: 2 }, /takeover protocol 1/],
      [{ namespace: await Deno.readLink("/proc/self/ns/net") }, /another network namespace/],
      [{ step: "freeze", inbox: "/nowhere" }, /Nothing was offered/],
      [{ step: "commit" }, /Cannot hand over any more/],
    ];
    for (const [changes, message] of refusals) {
      const { conversation, offer } = await pretend(lab, changes);
      using _ = conversation;
      await assert.rejects(conversation.ask(offer), { message });
    }
    const first = await pretend(lab);
    await first.conversation.ask(first.offer);
    const second = await pretend(lab);
    await assert.rejects(second.conversation.ask(second.offer), /is taking over already/);
    for (const { conversation } of [first, second]) conversation[Symbol.dispose]();
    const other = await lab.runSelf("nat", ["nat", "run", "--config", `${lab.folder}/nat.yaml`]);
    assert.equal(other.code, 1);
    assert.match(other.stderr, /another process answers there/);
  },
);

rootTest(
  "a takeover puts another configuration in force: capacity, and what else is fixed otherwise",
  NEEDS,
  async () => {
    const lab = await theLab();
    const flows = await traffic(lab);
    await lab.writeNatConfig((config) => {
      withFlows(config);
      config.capacity = 1000;
      config.services.push({ ...config.services[0]!, name: "more", port: 82 });
    });
    await lab.takeOverNat();
    assert.equal((await lab.status()).sessions.capacity, 1000);
    assert.ok((await lab.download({ bytes: 1000, url: "http://203.0.113.10:82" }).result()).ok);
    await waitFor("the agents", async () => await lab.isAble("s1") && await lab.isAble("s2"));
    await flows.isWhole();
  },
);

rootTest("a restart with another capacity goes on with every session", NEEDS, async () => {
  const lab = await theLab();
  const flows = await traffic(lab);
  await lab.stopNat();
  await lab.writeNatConfig((config) => {
    withFlows(config);
    config.capacity = 70_000;
  });
  await lab.restartNat();
  assert.equal((await lab.status()).sessions.capacity, 70_000);
  const started = (await ask(lab.socketOf("nat"), { verb: "events", limit: 100 }) as {
    type: string;
    continued?: boolean;
  }[]).find(({ type }) => type === "started");
  assert.equal(started?.continued, true);
  await waitFor("the agents", async () => await lab.isAble("s1") && await lab.isAble("s2"));
  // No acknowledgement passes while it is away, so a bypass may be stopped for want of progress.
  await flows.isWhole(endpointOf);
});

rootTest("with nothing to take over from, a NAT machine starts as usual", NEEDS, async () => {
  const lab = await theLab();
  await lab.stopNat();
  const next = lab.startSelf("nat", [
    ...["nat", "run", "--takeover", "--config", `${lab.folder}/nat.yaml`],
  ]);
  await next.waitForLine((line) => line.startsWith("Ready:"), { stream: "stderr" });
  assert.ok(next.stderr.lines.includes("Nothing to take over from: starting as usual"));
  assert.equal((await next.stop()).code, 0);
});

Deno.test.afterAll(async () => {
  await (await shared)?.down();
});
