/** The command that README begins with, to its end. */
import assert from "node:assert/strict";
import { selfCommand } from "../lib/datapath/self_command.ts";
import { rootTest } from "../tests/support/root_test.ts";
import { runHost } from "./host_command.ts";

rootTest("lab demo tells the whole story, and its report shows it", {
  capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"],
  tools: ["unshare"],
  timeoutMs: 120_000,
}, async () => {
  const folder = await Deno.makeTempDir({ prefix: "bypath-test-" });
  try {
    const report = `${folder}/demo.html`;
    const told = ["lab", "demo", "--json", "--name", `demo-${Deno.pid}`, "--report", report];
    // A host of its own: the demo checks that nothing of it stays on the host, and others come and go.
    const { code, stdout, stderr } = await runHost(["unshare", "--net", ...selfCommand(), ...told]);
    const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: { holds: boolean }[] };
    assert.deepEqual(checks.filter(({ holds }) => !holds), [], stderr);
    assert.ok(ok && checks.length > 20, `${checks.length} checks`);
    assert.equal(code, 0);
    const page = await Deno.readTextFile(report);
    for (const seen of ['class="topology"', 'class="edge bypass"', "kill -9 of the agent"]) {
      assert.ok(page.includes(seen), seen);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
