/** Signals that come while a NAT machine starts, when it cannot do yet what they ask for. */
import assert from "node:assert/strict";
import { BypathLab } from "../../lab/bypath_lab.ts";
import type { LabProcess } from "../../lab/lab_process.ts";
import { waitFor } from "../../lab/wait.ts";
import { rootTest } from "../support/root_test.ts";
import { NotifySocket } from "./notify_socket.ts";

/** Starts a NAT machine, and returns as soon as it catches signals. */
async function starting(lab: BypathLab, notify: NotifySocket): Promise<LabProcess> {
  const path = await lab.writeNatConfig();
  const process = lab.startSelf("nat", ["nat", "run", "--config", path], {
    env: { NOTIFY_SOCKET: notify.path },
  });
  await waitFor("the admin socket", () => {
    process.mustRun();
    return Deno.stat(lab.socketOf("nat")).then(() => true, () => false);
  }, { timeoutMs: 30_000, everyMs: 1 });
  return process;
}

rootTest("a SIGHUP during the start changes nothing, a SIGTERM ends it in order", {}, async () => {
  await using lab = await BypathLab.up();
  using notify = new NotifySocket(`${lab.folder}/notify`);
  const reloaded = await starting(lab, notify);
  reloaded.kill("SIGHUP");
  await notify.heard("READY=1");
  assert.equal((await reloaded.stop()).code, 0);

  const ended = await starting(lab, notify);
  assert.equal((await ended.stop()).code, 0);
  const left = await lab.lab.mustRun("nat", ["ip", "route", "show", "proto", "98"]);
  assert.equal(left, "");
});
