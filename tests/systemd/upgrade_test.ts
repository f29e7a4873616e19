/** SIGUSR2 to a NAT machine: another process takes over, and the service manager hears which. */
import assert from "node:assert/strict";
import { BypathLab } from "../../lab/bypath_lab.ts";
import type { InspectedStatus } from "../../lab/inspect_json.ts";
import { waitFor } from "../../lab/wait.ts";
import { rootTest } from "../support/root_test.ts";
import { NotifySocket } from "./notify_socket.ts";

function isThere(pid: number): boolean {
  try {
    return Deno.statSync(`/proc/${pid}`).isDirectory;
  } catch {
    return false;
  }
}

rootTest("after SIGUSR2 another process is the service, and is watched", {}, async () => {
  await using lab = await BypathLab.up();
  using notify = new NotifySocket(`${lab.folder}/notify`);
  const path = await lab.writeNatConfig();
  await lab.startServers();
  const old = lab.startSelf("nat", ["nat", "run", "--config", path], {
    env: { NOTIFY_SOCKET: notify.path, WATCHDOG_USEC: "400000" },
  });
  await notify.heard("READY=1");
  const download = lab.download({ bytes: 100_000_000, rate: 2_000_000 });
  await download.reached(1_000_000);

  old.kill("SIGUSR2");
  // Its output goes on being that of the process that it has started.
  await waitFor("the old process to end", () => !isThere(old.pid), { timeoutMs: 40_000 });
  const main = notify.messages.flatMap((it) => it.split("\n")).find((it) =>
    it.startsWith("MAINPID=")
  );
  assert.ok(main !== undefined && main !== `MAINPID=${old.pid}`, main);
  assert.equal(notify.count("STOPPING=1"), 0, "the service goes on");
  await waitFor("the new process to say that it is ready", () => notify.count("READY=1") === 2);
  const before = notify.count("WATCHDOG=1");
  await waitFor("signs of life", () => notify.count("WATCHDOG=1") >= before + 2);
  assert.ok((await lab.ask<InspectedStatus>("status")).ready);
  assert.ok((await download.finish()).ok);

  Deno.kill(Number(main.slice("MAINPID=".length)), "SIGTERM");
  await notify.heard("STOPPING=1");
  assert.equal((await old.ended).code, 0);
});

rootTest(
  "after SIGUSR2 with a configuration that does not hold the process goes on",
  {},
  async () => {
    await using lab = await BypathLab.up();
    await lab.startNat();
    await Deno.writeTextFile(`${lab.folder}/nat.yaml`, "interfaces: [eth0]\n");
    lab.nat.kill("SIGUSR2");
    await lab.nat.waitForLine((line) => /ended with status 2, this one goes on/.test(line), {
      stream: "stderr",
      timeoutMs: 60_000,
    });
    assert.ok((await lab.ask<InspectedStatus>("status")).ready);
  },
);
