/**
 * An agent that is stopped (SIGSTOP) holds its tun device and answers nothing. Its watchdog leads
 * responses past it, so that nobody waits for it for more than 3 s.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { BypathLab } from "../../lab/bypath_lab.ts";
import type { Download } from "../../lab/download.ts";
import { impairControlChannel } from "../../lab/impairments/control_channel.ts";
import type { InspectedStatus } from "../../lab/inspect_json.ts";
import { waitFor } from "../../lab/wait.ts";
import { sessionNow } from "../support/session_now.ts";
import { Together } from "../support/together.ts";

const together = new Together(3);

/** Bytes a second, and how many: they last for longer than any of these tests. */
const RATE = 2_000_000;
const BYTES = 60 * RATE;

/** A lab with s1 alone behind the VIP, its agent running. */
async function startLab(): Promise<BypathLab> {
  const lab = await BypathLab.up();
  await lab.startServers();
  await lab.startNat((config) => {
    const web = config.services[0]!;
    config.services = [{ ...web, servers: web.servers.slice(0, 1) }];
  });
  await lab.startAgent("s1");
  return lab;
}

/** A download that bypasses. */
async function startDownload(lab: BypathLab): Promise<Download> {
  const download = lab.download({ bytes: BYTES, rate: RATE });
  await takes(lab, download, "bypass");
  return download;
}

async function takes(lab: BypathLab, download: Download, path: string): Promise<void> {
  const client = await download.connected();
  await waitFor(`the download to go by ${path}`, async () => {
    const session = await sessionNow(lab, client);
    return session?.path === path;
  });
}

/** The watchdogs of an agent, by process number. */
async function watchdogsOf(agent: number): Promise<number[]> {
  const { stdout } = await new Deno.Command("pgrep", { args: ["-P", `${agent}`] }).output();
  return new TextDecoder().decode(stdout).split("\n").filter(Boolean).map(Number);
}

/** The session of a process: a watchdog that is ready has its own. */
function sessionOf(pid: number): number {
  const [, rest = ""] = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ");
  return Number(rest.split(" ")[3]);
}

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s*Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

/** The routes of the lab's s1 that agents have made. */
async function agentRoutes(lab: BypathLab): Promise<string[]> {
  const lines: string[] = [];
  for (const family of ["-4", "-6"]) {
    const { stdout } = await lab.lab.run("s1", ["ip", family, "route", "show", "proto", "98"]);
    lines.push(...stdout.split("\n").filter(Boolean));
  }
  return lines;
}

together.test(
  "a download goes on while the agent is frozen, and bypasses again afterwards",
  {},
  async () => {
    await using lab = await startLab();
    const download = await startDownload(lab);
    const agent = lab.agent("s1");
    const before = await agentRoutes(lab);
    assert.ok(before.length > 0);

    agent.kill("SIGSTOP");
    await waitFor("the routes to be gone", async () => (await agentRoutes(lab)).length === 0);
    const stoppedAt = performance.now();
    await takes(lab, download, "nat");
    const shownMs = performance.now() - stoppedAt;
    assert.ok(shownMs < 5_000, `the path is shown ${shownMs} ms late`);
    const frozen = await lab.sessionOf(await download.connected());
    assert.equal(frozen?.reason, "the agent gives no sign of life");
    // Nobody can say that the agent will not use it when it goes on.
    assert.equal(frozen?.instruction?.state, "installed");
    const servers = await lab.servers();
    assert.deepEqual(servers.map(({ agent }) => agent.bypass).filter((it) => it === "able"), []);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    agent.kill("SIGCONT");
    await waitFor("the routes to be back", async () => {
      return (await agentRoutes(lab)).length === before.length;
    });
    await takes(lab, download, "bypass");

    const { ok, longestPauseMs } = await download.finish();
    assert.ok(ok, "every byte is right");
    assert.ok(longestPauseMs < 3_000, `a pause of ${longestPauseMs} ms`);
    const events = await lab.inspect<{ type: string }[]>("s1", "events");
    const types = events.map(({ type }) => type);
    assert.ok(types.includes("frozen") && types.includes("thawed"), types.join(" "));
  },
);

together.test("a watchdog that dies is replaced, and the next one does its work", {}, async () => {
  await using lab = await startLab();
  const download = await startDownload(lab);
  const agent = lab.agent("s1");
  const [first] = await watchdogsOf(agent.pid);
  assert.ok(first !== undefined);
  Deno.kill(first, "SIGKILL");
  const [second] = await waitFor("another watchdog", async () => {
    const found = await watchdogsOf(agent.pid);
    return found.length === 1 && found[0] !== first ? found : null;
  });
  assert.ok((await agentRoutes(lab)).length > 0, "nothing was taken away");

  // One that is stopped is of no use either, once it was seen to look.
  await waitFor("the watchdog to watch", () => sessionOf(second!) === second);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  Deno.kill(second!, "SIGSTOP");
  const [third] = await waitFor("a third one", async () => {
    const found = await watchdogsOf(agent.pid);
    return found.length === 1 && found[0] !== second ? found : null;
  });
  await waitFor("the watchdog to watch", () => sessionOf(third!) === third);
  agent.kill("SIGSTOP");
  await waitFor("the routes to be gone", async () => (await agentRoutes(lab)).length === 0);
  agent.kill("SIGKILL");
  await waitFor("the watchdog to end with its agent", () => !isRunning(third!));
  const { ok, longestPauseMs } = await download.finish();
  assert.ok(ok && longestPauseMs < 3_000, `a pause of ${longestPauseMs} ms`);
});

together.test(
  "nothing is left of an agent that is killed while its watchdog is stopped",
  {},
  async () => {
    await using lab = await startLab();
    const agent = lab.agent("s1");
    const [watchdog] = await watchdogsOf(agent.pid);
    Deno.kill(watchdog!, "SIGSTOP");
    agent.kill("SIGKILL");
    await waitFor("the watchdog to end with its agent", () => !isRunning(watchdog!));
    // The kernel ends a killed process's files, and its device with them, in its own time.
    await waitFor("the routes to be gone", async () => (await agentRoutes(lab)).length === 0);
  },
);

together.test("the path of a session is true as soon as its agent is killed", {}, async () => {
  await using lab = await startLab();
  const download = await startDownload(lab);
  const client = await download.connected();
  lab.agent("s1").kill("SIGKILL");
  const killedAt = performance.now();
  const session = await waitFor("the path to be shown as nat", async () => {
    const session = await sessionNow(lab, client);
    return session?.path === "nat" && session;
  });
  const shownMs = performance.now() - killedAt;
  // The instruction's lease is 10 s.
  assert.ok(shownMs < 5_000, `the path is shown ${shownMs} ms late`);
  assert.equal(session.instruction?.state, "installed");
  assert.ok((await download.finish()).ok);
});

together.test(
  "an agent that is only cut off bypasses on, and the path says so",
  { tools: ["nft"] },
  async () => {
    await using lab = await startLab();
    const download = await startDownload(lab);
    const client = await download.connected();
    await using _cut = await impairControlChannel(lab.lab, { direction: "both" });
    const cutAt = performance.now();
    await waitFor("the agent to be silent", async () => (await lab.status()).agents[0]?.silent);
    // One second is for the NAT machine to see which way the responses take.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const before = await lab.sessionOf(client);
    assert.equal(before?.path, "bypass");
    assert.ok(before.reason.startsWith("bytes"), before.reason);
    await takes(lab, download, "nat");
    assert.ok(performance.now() - cutAt > 6_000, "as long as its lease");
    assert.ok((await download.finish()).ok);
  },
);

together.test(
  "a second agent with the same certificate is refused, and the first goes on",
  {},
  async () => {
    await using lab = await startLab();
    const download = await startDownload(lab);
    const path = `${lab.folder}/second.yaml`;
    const config = await Deno.readTextFile(`${lab.folder}/s1.yaml`);
    await Deno.writeTextFile(path, config.replaceAll("s1.sock", "second.sock"));
    await using second = lab.startSelf("s1", ["agent", "run", "--config", path]);
    const told = await second.waitForLine((line) => line.includes("Cannot connect"), {
      stream: "stderr",
    });
    assert.match(
      told,
      /another agent with the certificate of "s1" is connected, from 10\.0\.0\.11:/,
    );
    const events = await lab.inspect<{ type: string; reason?: string }[]>("nat", "events");
    const refused = events.find(({ type }) => type === "agent-refused");
    assert.match(refused?.reason ?? "", /another agent with the certificate of "s1"/);
    await takes(lab, download, "bypass");

    // The first is frozen: the second takes over.
    lab.agent("s1").kill("SIGSTOP");
    await second.waitForLine((line) => line.includes("Connected to"), { stream: "stderr" });
    lab.agent("s1").kill("SIGKILL");
    const { ok, longestPauseMs } = await download.finish();
    assert.ok(ok && longestPauseMs < 3_000, `a pause of ${longestPauseMs} ms`);
  },
);

/** Freezes processes as a container's engine or systemd does: all of a cgroup at once. */
class FrozenTogether implements AsyncDisposable {
  readonly #folder: string;

  constructor(pids: readonly number[]) {
    const roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
    const root = roots.find((it) => existsSync(`${it}/cgroup.controllers`));
    assert.ok(root !== undefined, "this host has no cgroups of version 2");
    this.#folder = `${root}/bypath-frozen-${Deno.pid}`;
    Deno.mkdirSync(this.#folder);
    for (const pid of pids) Deno.writeTextFileSync(`${this.#folder}/cgroup.procs`, `${pid}`);
    Deno.writeTextFileSync(`${this.#folder}/cgroup.freeze`, "1");
  }

  thaw(): void {
    Deno.writeTextFileSync(`${this.#folder}/cgroup.freeze`, "0");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.thaw();
    const processes = Deno.readTextFileSync(`${this.#folder}/cgroup.procs`).split("\n");
    for (const pid of processes.filter(Boolean)) {
      Deno.writeTextFileSync(`${this.#folder}/../cgroup.procs`, pid);
    }
    await waitFor("the cgroup to be empty", () => {
      try {
        Deno.removeSync(this.#folder);
        return true;
      } catch {
        return false;
      }
    });
  }
}

together.test(
  "an agent frozen together with its watchdog goes on as if nothing had been",
  {},
  async () => {
    await using lab = await startLab();
    const download = await startDownload(lab);
    const agent = lab.agent("s1");
    const watchdogs = await watchdogsOf(agent.pid);
    const before = await agentRoutes(lab);
    {
      await using frozen = new FrozenTogether([agent.pid, ...watchdogs]);
      await new Promise((resolve) => setTimeout(resolve, 4_000));
      frozen.thaw();
      await takes(lab, download, "bypass");
    }
    assert.deepEqual(await watchdogsOf(agent.pid), watchdogs);
    assert.deepEqual(await agentRoutes(lab), before);
    // The watchdog did not run either, so it has no reason to believe that the agent stood still.
    const events = await lab.inspect<{ type: string }[]>("s1", "events");
    assert.deepEqual(events.filter(({ type }) => type === "frozen"), []);
    const { packets } = await lab.inspect<Pick<InspectedStatus, "packets">>("s1", "status");
    assert.ok(packets.dropped.stoodStill! > 0, "what waited is sent again");
    assert.ok((await download.finish()).ok);
  },
);
