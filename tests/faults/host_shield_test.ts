/**
 * The host's own kernel is spared packets where that can be had, and where it cannot the NAT machine
 * carries them all the same, and says so.
 */
import assert from "node:assert/strict";
import { BypathLab } from "../../lab/bypath_lab.ts";
import type { InspectedStatus } from "../../lab/inspect_json.ts";
import type { NatYaml } from "../../lab/lab_files.ts";
import { waitFor } from "../../lab/wait.ts";
import { selfCommand } from "../../lib/datapath/self_command.ts";
import { rootTest } from "../support/root_test.ts";

const CAPABILITIES = ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"] as const;
const SHIELDABLE = { capabilities: [...CAPABILITIES, "CAP_BPF"], linux: "6.6" } as const;
const METRICS = "192.0.2.2:9100";
const BYTES = 3_000_000;
const WITHOUT_BPF = ["setpriv", "--bounding-set", "-bpf", "--inh-caps", "-bpf"];

rootTest(
  "the host's kernel is spared packets by default, by several workers and after a takeover too",
  { ...SHIELDABLE, tools: ["curl"] },
  async () => {
    await using lab = await BypathLab.up();
    await lab.startServers();
    await lab.startNat(withMetrics);
    await carries(lab, true);
    assert.equal(await metric(lab), 1);
    assert.ok(await kernelHeard(lab) < 100);

    await lab.writeNatConfig((config) => {
      withMetrics(config);
      config.workers = 2;
    });
    await lab.takeOverNat();
    await carries(lab, true);
    assert.equal(await metric(lab), 1);
    assert.ok(await kernelHeard(lab) < 100);

    await lab.writeNatConfig((config) => {
      withMetrics(config);
      config.hostShield = false;
    });
    await lab.takeOverNat();
    const before = await kernelHeard(lab);
    await carries(lab, false);
    assert.equal(await metric(lab), 0);
    assert.ok(await kernelHeard(lab) > before + 100);

    await lab.writeNatConfig(withMetrics);
    await lab.takeOverNat();
    await carries(lab, true);
  },
);

rootTest(
  "without CAP_BPF there is none by default, and `true` is refused",
  { capabilities: CAPABILITIES, tools: ["curl", "setpriv"] },
  async () => {
    await using lab = await BypathLab.up();
    await lab.startServers();
    const nat = await startNat(lab, WITHOUT_BPF);
    await carries(lab, false);
    assert.equal(await metric(lab), 0);
    assert.deepEqual(await failures(lab), []);
    await nat.stop();

    const path = await lab.writeNatConfig((config) => void (config.hostShield = true));
    for (const verb of ["check", "run"]) {
      const command = [...WITHOUT_BPF, ...selfCommand(), "nat", verb, "--config", path];
      const { code, stdout, stderr } = await lab.lab.run("nat", command);
      assert.equal(code, 1);
      assert.match(stdout + stderr, /hostShield: true.*CAP_BPF/);
    }
  },
);

rootTest(
  "a kernel that refuses a shield to who may have it is told of once, and packets are carried",
  { ...SHIELDABLE, tools: ["curl", "strace"] },
  async () => {
    await using lab = await BypathLab.up();
    await lab.startServers();
    // As a filter of system calls does.
    const refusing = ["-e", "trace=bpf", "-e", "inject=bpf:error=EPERM"];
    const nat = await startNat(lab, [
      ...["strace", "-f", "--seccomp-bpf", "-qqq", "-o", "/dev/null"],
      ...refusing,
    ]);
    try {
      await carries(lab, false);
      assert.equal(await metric(lab), 0);
      // It is not tried again.
      await lab.writeNatConfig((config) => {
        withMetrics(config);
        config.echo = false;
      });
      assert.equal((await lab.runSelf("nat", reload(lab))).code, 0);
      await carries(lab, false);
      const [failure, ...others] = await failures(lab);
      const reason = "Cannot keep packets from this host's own kernel: operation not permitted";
      assert.ok(failure?.startsWith(reason), failure);
      assert.deepEqual(others, []);
      const told = [...nat.stdout.lines, ...nat.stderr.lines].filter((it) => it.includes(reason));
      assert.equal(told.length, 1);
    } finally {
      // strace keeps signals to itself.
      const children = await Deno.readTextFile(`/proc/${nat.pid}/task/${nat.pid}/children`);
      Deno.kill(Number(children.trim()), "SIGTERM");
      await nat.ended;
    }
  },
);

function withMetrics(config: NatYaml): void {
  config.metrics = METRICS;
}

function reload(lab: BypathLab): string[] {
  return ["nat", "reload", "--socket", lab.socketOf("nat")];
}

/** Starts a NAT machine by a program that keeps something from it; returns when it is ready. */
async function startNat(lab: BypathLab, by: readonly string[]) {
  const path = await lab.writeNatConfig(withMetrics);
  const process = lab.lab.start("nat", [...by, ...selfCommand(), "nat", "run", "--config", path]);
  await waitFor("the NAT machine to be ready", async () => {
    process.mustRun();
    const status = await lab.ask<InspectedStatus>("status").catch(() => null);
    return status?.ready === true;
  }, { timeoutMs: 60_000 });
  return process;
}

async function carries(lab: BypathLab, shield: boolean): Promise<void> {
  assert.ok((await lab.download({ bytes: BYTES }).result()).ok);
  const status = await lab.ask<InspectedStatus>("status");
  assert.equal(status.hostShield, shield);
}

async function metric(lab: BypathLab): Promise<number> {
  const scrape = ["curl", "-sSf", "--max-time", "10", `http://${METRICS}/metrics`];
  const text = await lab.lab.mustRun("nat", scrape);
  return Number(/^bypath_host_shield (\d+)$/m.exec(text)?.[1]);
}

/** Packets for the VIP or SNAT addresses that the NAT machine's own stack has found a blackhole for. */
async function kernelHeard(lab: BypathLab): Promise<number> {
  const text = await lab.lab.mustRun("nat", ["cat", "/proc/net/snmp"]);
  const [names, values] = [...text.matchAll(/^Ip: .*$/mg)].map(([line]) => line.split(" "));
  const heard = (name: string) => Number(values![names!.indexOf(name)]);
  return heard("InReceives") - heard("InDelivers");
}

async function failures(lab: BypathLab): Promise<string[]> {
  const events = await lab.inspect<{ type: string; reason?: string }[]>("nat", "events");
  return events.filter(({ type }) => type === "host-shield-failed").map((it) => it.reason ?? "");
}
