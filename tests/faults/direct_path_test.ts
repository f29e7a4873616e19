/**
 * The direct path loses what agents send: sessions go back to the NAT machine by themselves, are tried
 * again after pauses, and a server on whose path nothing arrives is left alone until one session has
 * shown that it works again.
 */
import assert from "node:assert/strict";
import { BypathLab } from "../../lab/bypath_lab.ts";
import type { Download } from "../../lab/download.ts";
import { impairDirectPath } from "../../lab/impairments/direct_path.ts";
import type { InspectedServer } from "../../lab/inspect_json.ts";
import { ADDRESSES } from "../../lab/topology.ts";
import { waitFor } from "../../lab/wait.ts";
import { Together } from "../support/together.ts";

const together = new Together(3);

/** Bytes a second. */
const RATE = 5_000_000;
const NEEDS = { tools: ["nft"] };

interface LoggedEvent {
  readonly time: number;
  readonly type: string;
  readonly client?: string;
  readonly why?: string;
}

/** A lab with s1 alone behind the VIP, for TCP and UDP. */
async function startLab(): Promise<BypathLab> {
  const lab = await BypathLab.up();
  await lab.startServers();
  await lab.startNat((config) => {
    config.services = config.services
      .filter(({ name }) => name === "web" || name === "stream")
      .map((service) => ({ ...service, servers: service.servers.slice(0, 1) }));
    for (const service of config.services) service.bypass = { start: { immediately: true } };
  });
  return lab;
}

async function startDownload(lab: BypathLab, bytes: number): Promise<Download> {
  const download = lab.download({ bytes, rate: RATE });
  await takes(lab, download, "bypass");
  return download;
}

async function takes(lab: BypathLab, download: Download, path: string): Promise<string> {
  const client = await download.connected();
  const reason = await waitFor(`the download to go by ${path}`, async () => {
    const session = await lab.sessionOf(client);
    return session?.path === path && session.reason;
  });
  return reason as string;
}

async function agentOfS1(lab: BypathLab): Promise<InspectedServer["agent"]> {
  const servers = await lab.ask<InspectedServer[]>("servers");
  return servers.find(({ address }) => address.startsWith(`${ADDRESSES.s1}:`))!.agent;
}

async function events(lab: BypathLab, type: string): Promise<LoggedEvent[]> {
  return (await lab.ask<LoggedEvent[]>("events")).filter((event) => event.type === type);
}

together.test(
  "when the direct path drops everything, downloads finish via NAT, their server is unable, and one session proves it able again",
  NEEDS,
  async () => {
    await using lab = await startLab();
    await lab.startAgent("s1");
    const downloads = [await startDownload(lab, 60 * RATE), await startDownload(lab, 60 * RATE)];
    await downloads[0]!.reached(RATE);
    const fault = await impairDirectPath(lab.lab, "drops-all");
    const beganMs = Date.now();
    for (const download of downloads) {
      const reason = await takes(lab, download, "nat");
      assert.match(reason, /no progress|direct path failed/);
    }
    for (const { time } of await events(lab, "bypass-stopped")) {
      assert.ok(time - beganMs < 3_000, `stopped after ${time - beganMs} ms`);
    }

    const unable = await agentOfS1(lab);
    assert.equal(unable.bypass, "unable");
    assert.match(
      unable.reason!,
      /^nothing sent directly arrived, 2 times in a row; tried again in/,
    );
    const local = await downloads[0]!.connected();
    const explained = await lab.inspectText("nat", "explain", `tcp ${local} > ${ADDRESSES.vip}:80`);
    assert.ok(explained.some((line) => /agent +unable +nothing sent directly/.test(line)));

    // The path works again: nobody tells, one session finds out.
    await fault.end();
    await waitFor(
      "a session to bypass again",
      async () => (await agentOfS1(lab)).bypass === "able",
      {
        timeoutMs: 30_000,
      },
    );
    for (const download of downloads) {
      const result = await download.finish();
      assert.ok(result.ok);
      assert.ok(result.longestPauseMs < 3_000, `a pause of ${result.longestPauseMs} ms`);
    }
    const [tried] = await events(lab, "path-tried");
    const [able] = await events(lab, "path-able");
    assert.ok(tried !== undefined && able !== undefined && tried.time <= able.time);
  },
);

together.test(
  "when the direct path drops large packets only, a session is tried again after growing pauses and finishes",
  NEEDS,
  async () => {
    await using lab = await startLab();
    await lab.startAgent("s1");
    await using _fault = await impairDirectPath(lab.lab, "drops-large");
    const result = await lab.download({ bytes: 20 * RATE, rate: RATE }).result();
    assert.ok(result.ok);
    assert.ok(result.longestPauseMs < 3_000, `a pause of ${result.longestPauseMs} ms`);
    const started = await events(lab, "bypass-started");
    const stopped = await events(lab, "bypass-stopped");
    assert.ok(started.length >= 2 && started.length <= 3, `${started.length} tries`);
    for (const [i, { time, why }] of stopped.entries()) {
      assert.match(why!, /^no progress/);
      assert.ok(time - started[i]!.time < 3_000);
    }
    const pauses = started.slice(1).map(({ time }, i) => time - stopped[i]!.time);
    assert.ok(pauses[0]! >= 4_500, `tried again after ${pauses[0]} ms`);
    if (pauses.length > 1) assert.ok(pauses[1]! > 1.5 * pauses[0]!);
  },
);

together.test(
  "a first hop that drops virtual addresses is found before anything is bypassed: UDP stays via NAT, TCP tries once",
  NEEDS,
  async () => {
    await using lab = await startLab();
    const fault = await impairDirectPath(lab.lab, "drops-all");
    const starting = lab.startAgent("s1").catch(() => {});
    const { bypass, reason } = await waitFor("the test to fail", async () => {
      const agent = await agentOfS1(lab);
      return agent.reason?.includes("did not come back") && agent;
    }) as InspectedServer["agent"];
    assert.equal(bypass, "unknown");
    assert.match(reason!, /^test packets from 203\.0\.113\.10 did not come back by the first hop$/);

    const stream = await lab.stream({ count: 300, rate: 200 }).result();
    assert.equal(stream.missing, 0);
    assert.deepEqual(await events(lab, "bypass-started"), []);

    const download = lab.download({ bytes: 4 * RATE, rate: RATE });
    const result = await download.result();
    assert.ok(result.ok);
    assert.ok(result.longestPauseMs < 3_000, `a pause of ${result.longestPauseMs} ms`);
    assert.equal((await events(lab, "bypass-started")).length, 1);
    assert.equal((await agentOfS1(lab)).bypass, "unable");
    await fault.end();
    await starting;
  },
);

together.test(
  "a router that refuses direct datagrams by ICMP has their session go via NAT",
  NEEDS,
  async () => {
    await using lab = await startLab();
    await lab.startAgent("s1");
    const refusal = [
      "table ip refusal {",
      "  chain forward {",
      "    type filter hook forward priority 0; policy accept;",
      `    iifname eth2 ip saddr ${ADDRESSES.vipPrefix} meta l4proto udp reject with icmp type admin-prohibited`,
      "  }",
      "}\n",
    ].join("\n");
    await lab.lab.mustRun("router", ["nft", "-f", "-"], refusal);
    const stream = await lab.stream({ count: 600, rate: 200 }).result();
    const [stopped] = await events(lab, "bypass-stopped");
    assert.equal(stopped?.why, "no progress: ICMP error 3/13 about a direct packet");
    assert.ok(stream.missing < 60, `${stream.missing} of 600 datagrams lost`);
  },
);
