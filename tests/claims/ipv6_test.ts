/**
 * IPv6 as IPv4: the claims hold for a service of either family, and one NAT machine with its agents
 * serves both side by side. The kernel's counters at the router are the judge.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { BypathLab } from "../../lab/bypath_lab.ts";
import type { Download } from "../../lab/download.ts";
import { runHost } from "../../lab/host_command.ts";
import type { InspectedSession } from "../../lab/inspect_json.ts";
import type { Lab } from "../../lab/lab.ts";
import { HTTP_PORT, listenArguments, SERVER_NAMES } from "../../lab/lab_files.ts";
import { labFolder } from "../../lab/lab_record.ts";
import { LabProcess } from "../../lab/lab_process.ts";
import { selfCommand } from "../../lib/datapath/self_command.ts";
import { ADDRESSES, ADDRESSES6, type NodeName } from "../../lab/topology.ts";
import { contentHash } from "../../lab/traffic/content.ts";
import { waitFor } from "../../lab/wait.ts";
import { rootTest } from "../support/root_test.ts";
import { countFamilies, FAMILIES, type FamilyCounters, since } from "./support/family_counters.ts";

const NEEDS = {
  capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"],
  tools: ["curl", "nft"],
} as const;

const VIP = { 4: `${ADDRESSES.vip}:80`, 6: `[${ADDRESSES6.vip}]:80` } as const;
const MB = 1_000_000;
const CRITERION_BYTES = 10 * MB;
const RATE = 50 * MB;
const SOON = { timeoutMs: 30_000, stream: "stderr" } as const;

interface BothFamilies {
  readonly bypath: BypathLab;
  readonly judged: () => Promise<FamilyCounters>;
}

/** The control channel takes both families too: s1 comes over IPv4, s2 over IPv6. */
async function upWithBoth(): Promise<BothFamilies> {
  const bypath = await BypathLab.up();
  try {
    const judged = await countFamilies(bypath.lab);
    await bypath.startServers();
    await bypath.startNat((config) => {
      config.control!.listen = "[::]:7400";
      for (const service of config.services) {
        if (service.protocol !== "udp") service.bypass = { start: { bytes: CRITERION_BYTES } };
        service.servers = service.servers.slice(0, 2);
      }
      const [web6] = config.services.filter(({ name }) => name === "web6");
      config.services.push({
        ...web6!,
        name: "never6",
        port: 81,
        health: { tcp: {}, interval: "200ms", timeout: "200ms" },
        bypass: { start: { never: true } },
      });
    });
    await bypath.startAgent("s1");
    await bypath.startAgent("s2", (config) => config.nat = [`[${ADDRESSES6.nat}]:7400`]);
    return { bypath, judged };
  } catch (error) {
    await bypath.down();
    throw error;
  }
}

let shared: Promise<BothFamilies> | undefined;
const both = () => shared ??= upWithBoth();
Deno.test.afterAll(async () => {
  const made = await shared?.catch(() => undefined);
  await made?.bypath.down();
});

rootTest("a download over IPv6 and one over IPv4 bypass side by side", NEEDS, async () => {
  const { bypath, judged } = await both();
  const bytes = 60 * MB;
  const before = await judged();
  const downloads = FAMILIES.map((family) => bypath.download({ bytes, rate: RATE / 2, family }));
  const sessions = await Promise.all(downloads.map((download) => bypassing(bypath, download)));
  const results = await Promise.all(downloads.map((download) => download.result()));
  const after = since(before, await judged());

  for (const [index, family] of FAMILIES.entries()) {
    const [result, session] = [results[index]!, sessions[index]!];
    assert.ok(result.ok, JSON.stringify(result));
    assert.equal(result.sha256, await contentHash(1, bytes));
    assert.equal(result.remote, VIP[family]);
    assert.equal(session.reason, `bytes ${CRITERION_BYTES} reached`);
    const { [`nat${family}` as const]: viaNat, [`direct${family}` as const]: direct } = after;
    assert.ok(viaNat.bytes >= CRITERION_BYTES, `${viaNat.bytes} bytes via NAT`);
    assert.ok(direct.bytes >= bytes / 3, `${direct.bytes} bytes directly`);
    assert.ok(viaNat.bytes + direct.bytes >= bytes);
  }
  assert.match(sessions[0]!.nat, /^10\.0\.1\.[1-4]:\d+$/);
  assert.match(sessions[1]!.nat, /^\[2001:db8:1::[1-4]\]:\d+$/);
  assert.match(sessions[1]!.server, /^\[2001:db8:10::1[12]\]:8080$/);
  assert.match(sessions[1]!.client, /^\[2001:db8:c::2\]:\d+$/);
});

/** Waits until responses to a download's client bypass the NAT machine. */
async function bypassing(bypath: BypathLab, download: Download): Promise<InspectedSession> {
  const client = await download.connected();
  return await waitFor(`the session of ${client} to bypass`, async () => {
    const session = await bypath.sessionOf(client);
    return session?.path === "bypass" && session;
  });
}

rootTest("without bypass every byte over IPv6 comes by way of the NAT machine", NEEDS, async () => {
  const { bypath, judged } = await both();
  const bytes = 40 * MB;
  const before = await judged();
  const download = bypath.download({ bytes, url: `http://[${ADDRESSES6.vip}]:81` });
  const result = await download.result();
  const { nat6, direct6 } = since(before, await judged());
  assert.ok(result.ok, JSON.stringify(result));
  assert.deepEqual(direct6, { packets: 0, bytes: 0 });
  assert.ok(nat6.bytes >= bytes, `${nat6.bytes} bytes via NAT`);
});

rootTest("a stop for the IPv6 service leaves the IPv4 session bypassing", NEEDS, async () => {
  const { bypath, judged } = await both();
  const bytes = 120 * MB;
  const downloads = FAMILIES.map((family) =>
    bypath.download({ bytes, rate: RATE / 10, family, seed: family })
  );
  await Promise.all(downloads.map((download) => bypassing(bypath, download)));
  await bypath.bypass("stop", "--service", "web6");
  const stopped = await judged();
  const results = await Promise.all(downloads.map((download) => download.finish()));
  const { nat4, nat6, direct4, direct6 } = since(stopped, await judged());
  await bypath.bypass("start", "--service", "web6");
  for (const result of results) assert.ok(result.ok, JSON.stringify(result));
  assert.deepEqual([nat4.packets, direct6.packets], [0, 0]);
  assert.ok(nat6.bytes > 20 * MB, `${nat6.bytes} bytes over IPv6 via NAT after the stop`);
  assert.ok(direct4.bytes > 20 * MB, `${direct4.bytes} bytes over IPv4 directly after the stop`);
});

rootTest("UDP over IPv6 and over IPv4 bypasses, and no datagram is lost", NEEDS, async () => {
  const { bypath, judged } = await both();
  const count = 4000;
  const before = await judged();
  const streams = FAMILIES.map((family) => bypath.stream({ count, rate: 1000, family }));
  for (const result of await Promise.all(streams.map((stream) => stream.result()))) {
    assert.ok(result.ok, JSON.stringify(result));
  }
  const after = since(before, await judged());
  for (const family of FAMILIES) {
    const { [`nat${family}` as const]: viaNat, [`direct${family}` as const]: direct } = after;
    assert.ok(viaNat.packets >= 100, "the criterion is 100 packets");
    assert.ok(direct.packets > count / 2, `${direct.packets} packets directly`);
    assert.ok(viaNat.packets + direct.packets >= count);
  }
});

rootTest("curl -6 downloads through the VIP", NEEDS, async () => {
  const { bypath } = await both();
  const { stdout: hello } = await bypath.lab.run("client", curl6("/"));
  assert.match(hello, /^Hello from \[2001:db8:10::1[12]\]:8080\n$/);
  const bytes = 30 * MB;
  const file = `${bypath.folder}/curl-6`;
  const path = `/bytes/${bytes}?seed=7&rate=${RATE}`;
  const format = "%{http_version} %{size_download} %{remote_ip} %{local_ip}";
  const args = [...curl6(path), "--output", file, "--write-out", format];
  const said = await bypath.lab.mustRun("client", args);
  assert.equal(said, `1.1 ${bytes} ${ADDRESSES6.vip} ${ADDRESSES6.client}`);
  const hash = createHash("sha256").update(await Deno.readFile(file)).digest("hex");
  assert.equal(hash, await contentHash(7, bytes));
});

rootTest("inspect takes and shows IPv6 endpoints in brackets", NEEDS, async () => {
  const { bypath } = await both();
  const download = bypath.download({ bytes: 1_000 * MB, rate: RATE / 5, family: 6 });
  const { client } = await bypassing(bypath, download);
  const filters = [["--client", client], ["--client", "2001:db8:c::/64"], ["--service", "web6"]];
  for (const filter of filters) {
    const sessions = await bypath.sessions(...filter);
    assert.ok(sessions.some((each) => each.client === client), `${filter.join(" ")}`);
    assert.ok(sessions.every((each) => each.client.startsWith("[")));
  }
  const session = (await bypath.sessionOf(client))!;
  const server = SERVER_NAMES.find((each) => session.server.includes(ADDRESSES6[each]))!;
  for (const machine of ["nat", server] as const) {
    const instructions = await bypath.instructions(machine);
    const { match, rewrite } = instructions.find((each) => each.session === session.id)!;
    assert.deepEqual({ match, rewrite }, {
      match: { source: session.server, destination: session.nat },
      rewrite: { source: VIP[6], destination: client },
    });
  }
  // Written in another way than it is shown.
  const packet = `tcp ${client} > [2001:0DB8:f:0::0010]:80`;
  const explained = await bypath.inspect<{ verdict: string }>("nat", "explain", packet);
  assert.equal(
    explained.verdict,
    `sent to ${session.server} as ${session.nat} > ${session.server}; responses bypass the NAT machine`,
  );
  const response = `tcp ${session.server} > ${session.nat}`;
  assert.match(
    (await bypath.inspect<{ verdict: string }>(server, "explain", response)).verdict,
    /^sent to \[2001:db8:c::2\]:\d+ directly, bypassing the NAT machine$/,
  );
  await bypath.stopClients();
});

rootTest("a server is drained, and found down, by its IPv6 address", NEEDS, async () => {
  const { bypath } = await both();
  const nat = (...args: string[]) =>
    bypath.runSelf("nat", ["nat", ...args, "--socket", bypath.socketOf("nat")]);
  const serverOf = async (name: string) =>
    (await bypath.servers()).find((each) =>
      each.service === name && each.address.includes("::11")
    )!;
  assert.equal((await nat("drain", ADDRESSES6.s1)).code, 0);
  assert.ok((await serverOf("web6")).draining);
  for (let i = 0; i < 4; i++) {
    assert.match((await bypath.lab.run("client", curl6("/"))).stdout, /::12\]:8080/);
  }
  assert.equal((await nat("undrain", `[${ADDRESSES6.s1}]`)).code, 0);
  assert.ok(!(await serverOf("web6")).draining);

  await waitFor("health checks over IPv6", async () => (await serverOf("never6")).health === "up");
  const reject = `ip6 daddr ${ADDRESSES6.s1} tcp dport ${HTTP_PORT} drop`;
  const table = `table inet down { chain in { type filter hook input priority 0; ${reject}; }; }`;
  await bypath.lab.mustRun("s1", ["nft", table]);
  await waitFor("s1 to be down", async () => (await serverOf("never6")).health === "down");
  await bypath.lab.mustRun("s1", ["nft", "delete", "table", "inet", "down"]);
  await waitFor("s1 to be up", async () => (await serverOf("never6")).health === "up");
});

rootTest("what stands in the way of IPv4 on a server leaves IPv6 bypassing", NEEDS, async () => {
  const { bypath } = await both();
  const strict = (value: number) =>
    bypath.lab.mustRun("s1", ["sysctl", "-qw", `net.ipv4.conf.eth0.rp_filter=${value}`]);
  const views = async () => {
    const servers = await bypath.servers();
    const viewOf = (address: string) => servers.find((each) => each.address.includes(address))!;
    return [viewOf("10.0.0.11:").agent, viewOf("[2001:db8:10::11]:").agent];
  };
  await bypath.stopAgent("s1");
  await strict(1);
  const agent = bypath.startSelf("s1", ["agent", "run", "--config", `${bypath.folder}/s1.yaml`]);
  await waitFor("the agent to be there", async () => (await views()).every((it) => it.connected));
  const [four, six] = await views();
  assert.equal(four!.bypass, "unable");
  assert.match(four!.reason!, /^rp_filter is strict on eth0/);
  assert.deepEqual([six!.bypass, six!.reason], ["able", null]);

  const downloads = FAMILIES.flatMap((family) =>
    [1, 2].map((seed) => bypath.download({ bytes: 60 * MB, rate: RATE / 20, family, seed }))
  );
  const decided = await Promise.all(downloads.map(async (download) => {
    await download.reached(CRITERION_BYTES);
    const client = await download.connected();
    return await waitFor(`a decision about ${client}`, async () => {
      const session = await bypath.sessionOf(client);
      const isDecided = session?.path === "bypass" || session?.reason === "the agent cannot bypass";
      return isDecided && session;
    });
  }));
  const ofS1 = decided.filter(({ server }) => server.startsWith(`${ADDRESSES.s1}:`));
  assert.ok(ofS1.length > 0);
  for (const session of decided) {
    assert.equal(session.path, ofS1.includes(session) ? "nat" : "bypass", session.server);
  }
  for (const download of downloads) assert.ok((await download.finish()).ok);
  await agent.stop();
  await strict(0);
  await bypath.startAgent("s1");
});

rootTest("nobody saw a wrong checksum, and an agent drops nothing", NEEDS, async () => {
  const { bypath } = await both();
  for (const node of ["client", ...SERVER_NAMES] as const) {
    const counters = await checksumErrors(bypath.lab, node);
    assert.deepEqual(counters.filter(([, count]) => count > 0), [], node);
  }
  for (const server of SERVER_NAMES) {
    const { packets } = await bypath.status(server);
    assert.deepEqual(Object.entries(packets.dropped).filter(([, count]) => count > 0), [], server);
  }
});

rootTest("lab up makes a network in which curl -6 reaches the VIP", NEEDS, async () => {
  const name = `six-${Deno.pid}`;
  const self = (...args: string[]) => [...selfCommand(), "lab", ...args];
  const up = await runHost(self("up", "--name", name));
  assert.equal(up.code, 0, up.stderr);
  assert.match(up.stderr, /http:\/\/\[2001:db8:f::10\]/);
  const folder = labFolder(name);
  const started: LabProcess[] = [];
  const start = (node: NodeName, ...argv: string[]) => {
    const command = self("exec", "--name", name, node, "--", ...selfCommand(), ...argv);
    started.push(new LabProcess(command, `${argv.join(" ")} (in ${node})`));
    return started.at(-1)!;
  };
  try {
    for (const server of SERVER_NAMES) {
      const program = ["http-server", ...listenArguments(server, HTTP_PORT)];
      await start(server, "lab", "traffic", ...program).waitForLine(isListening);
    }
    const nat = start("nat", "nat", "run", "--config", `${folder}/nat.yaml`);
    await nat.waitForLine((line) => line.startsWith("Ready"), SOON);
    const agent = start("s1", "agent", "run", "--config", `${folder}/s1.yaml`);
    await agent.waitForLine((line) => line.startsWith("Connected"), SOON);
    const { stdout } = await runHost(self("exec", "--name", name, "client", "--", ...curl6("/")));
    assert.match(stdout, /^Hello from \[2001:db8:10::1[12]\]:8080\n$/);
  } finally {
    // Ends what runs in it.
    assert.equal((await runHost(self("down", "--name", name))).code, 0);
    await Promise.all(started.map((process) => process.ended));
  }
});

function curl6(path: string): string[] {
  const options = ["--silent", "--show-error", "--fail", "--max-time", "60"];
  return ["curl", "-6", ...options, `http://[${ADDRESSES6.vip}]${path}`];
}

function isListening(line: string): boolean {
  return line.includes('"event":"listening"');
}

/** Every counter of a node's kernel whose name speaks of wrong checksums. */
async function checksumErrors(lab: Lab, node: NodeName): Promise<(readonly [string, number])[]> {
  const text = await lab.mustRun(node, ["cat", "/proc/net/snmp6"]);
  const counters = text.trim().split("\n").map((line) => line.split(/\s+/) as [string, string]);
  return counters.filter(([name]) => /Csum|HdrErrors/.test(name))
    .map(([name, count]) => [name, Number(count)] as const);
}
