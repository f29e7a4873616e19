/**
 * Both daemons as their units run them: the standalone executable, an ordinary user with two capabilities
 * and little else, and a service manager that listens. It needs dist/bypath, or what BYPATH_EXECUTABLE
 * names.
 */
import assert from "node:assert/strict";
import { between, readRoads } from "../../lab/roads.ts";
import { parseCapabilities } from "../../lib/linux/capabilities.ts";
import { monotonicTimeMs } from "../../lib/linux/clock.ts";
import { rootTest } from "../support/root_test.ts";
import { USER } from "./confinement.ts";
import { type Daemon, UnitLab } from "./unit_lab.ts";

const NEEDS = {
  capabilities: ["CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_NET_RAW"],
  tools: ["mount", "setpriv", "strace", "systemd-analyze", "unshare"],
  timeoutMs: 180_000,
} as const;
const BYTES = 30_000_000;
/** V8 asks for protection keys and does without. */
const DONE_WITHOUT = ["pkey_alloc"];
/** What the daemon was given, readable as it was. */
const GIVEN = /\.(pem|yaml|json)$|^(notify\d|calls\d|\w+\.key)$/;

rootTest(
  "confined as by their units, both daemons translate, bypass, reload and end",
  NEEDS,
  async () => {
    await using lab = await UnitLab.up();
    const nat = await lab.startNat();
    const agent = await lab.startAgent(nat);

    const before = await readRoads(lab.bypath.lab);
    const { ok } = await lab.bypath.download({ bytes: BYTES }).result();
    const { direct } = between(before, await readRoads(lab.bypath.lab));
    assert.ok(ok);
    assert.ok(direct > BYTES * 0.9, `${direct} bytes directly`);

    for (const daemon of [nat, agent]) {
      await hasNoMore(daemon);
      await listens(daemon);
    }
    await ends(agent, ["SIGINT"]);
    await ends(nat, ["SIGTERM", "SIGTERM"]);
    for (const { behaviour, unit } of [nat, agent]) {
      const { refused, families } = await behaviour();
      assert.deepEqual(refused.filter((call) => !DONE_WITHOUT.includes(call)), []);
      assert.deepEqual(families.filter((family) => !unit.addressFamilies.includes(family)), []);
    }
  },
);

/** Two capabilities and no way to more; nothing that others may read. */
async function hasNoMore({ pid, folder }: Daemon): Promise<void> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  assert.deepEqual(parseCapabilities(status), ["CAP_NET_ADMIN", "CAP_NET_RAW"]);
  assert.match(status, /^NoNewPrivs:\t1$/m);
  assert.match(status, new RegExp(`^Uid:\t${USER}\t${USER}\t${USER}\t${USER}$`, "m"));
  const bounds = ["CapBnd", "CapPrm", "CapInh", "CapAmb"].map((name) =>
    new RegExp(`^${name}:\t(\\w+)$`, "m").exec(status)?.[1]
  );
  assert.deepEqual(new Set(bounds), new Set(["0000000000003000"]));
  const open: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const { mode } = await Deno.lstat(`${folder}/${name}`);
    if (!GIVEN.test(name) && (mode! & 0o077) !== 0) open.push(name);
  }
  assert.deepEqual(open, []);
}

/** What it tells the service manager, and what it does at a signal. */
async function listens({ notify, pid, process }: Daemon): Promise<void> {
  const [first] = notify.messages;
  assert.match(first!, /^READY=1\nSTATUS=.+\n$/);
  await notify.heard("WATCHDOG=1", 2);
  Deno.kill(pid, "SIGPIPE");
  const readies = notify.count("READY=1");
  Deno.kill(pid, "SIGHUP");
  await notify.heard("RELOADING=1");
  await notify.heard("READY=1", readies + 1);
  const reloading = notify.messages.find((message) => message.startsWith("RELOADING=1"))!;
  const usec = Number(/^MONOTONIC_USEC=(\d+)$/m.exec(reloading)?.[1]);
  const agoMs = monotonicTimeMs() - usec / 1000;
  assert.ok(agoMs >= 0 && agoMs < 60_000, `${agoMs} ms ago`);
  await notify.heard("WATCHDOG=1", notify.count("WATCHDOG=1") + 1);
  process.mustRun();
}

async function ends({ notify, pid, process }: Daemon, signals: Deno.Signal[]): Promise<void> {
  for (const signal of signals) Deno.kill(pid, signal);
  const { code } = await process.ended;
  assert.equal(code, 0);
  assert.equal(notify.count("STOPPING=1"), 1);
}
