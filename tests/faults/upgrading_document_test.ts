/** The commands of docs/upgrading.md, run as they stand there, in a lab. */
import assert from "node:assert/strict";
import { BypathLab } from "../../lab/bypath_lab.ts";
import type { LabProcess } from "../../lab/lab_process.ts";
import { waitFor } from "../../lab/wait.ts";
import { FIXED } from "../../lib/nat/reload_plan.ts";
import { rootTest } from "../support/root_test.ts";

const NEEDS = { capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"] } as const;
const text = await Deno.readTextFile(new URL("../../docs/upgrading.md", import.meta.url));
const commands = [...text.matchAll(/^```sh\n(.*?)^```/gms)]
  .flatMap(([, block]) => block!.trim().split("\n"))
  .map((line) => line.replace(/\s+#.*$/, ""));

rootTest("every command of the document on upgrading does what it says there", NEEDS, async () => {
  await using lab = await BypathLab.up("faults-upgrading");
  await lab.startServers();
  await lab.startNat();
  const socket = ["--socket", lab.socketOf("nat")];
  const told = new Map<string, string>();
  for (const command of commands) {
    const [program, ...args] = command.replace("/etc/bypath/", `${lab.folder}/`).split(" ");
    if (program === "systemctl") {
      // There is no service manager here: what it would do is tested in tests/systemd.
      const isKnown = /^kill .*--signal=USR2 bypath-nat$|^restart bypath-nat$/.test(args.join(" "));
      assert.ok(isKnown, command);
      continue;
    }
    assert.equal(program, "bypath", command);
    if (args.includes("run")) {
      const old = lab.nat;
      const next: LabProcess = lab.startSelf("nat", args);
      await next.waitForLine((line) => line.startsWith("Ready:"), {
        stream: "stderr",
        timeoutMs: 40_000,
      });
      await waitFor("the old one to end", () => !old.running);
      assert.equal((await next.stop()).code, 0);
      continue;
    }
    if (args.includes("--dry-run")) {
      await lab.writeNatConfig((config) => config.services[0]!.servers.pop());
    }
    const socketOrNot = args.includes("reload") ? socket : [];
    const { code, stdout, stderr } = await lab.runSelf("nat", [...args, ...socketOrNot]);
    assert.equal(code, 0, `${command}: ${stderr}`);
    told.set(command, stdout);
  }
  const line = "service web: server 10.0.0.12:8080 removed\n";
  assert.equal(told.get("bypath nat reload --dry-run"), `${line}Would change 1\n`);
  assert.match(told.get("bypath nat reload")!, new RegExp(`^${line}Reloaded: `));
  assert.equal(commands.length, 6);
});

Deno.test("what the document on upgrading calls fixed is what a reload refuses", () => {
  const sentence = /^`interfaces`.*?cannot be reloaded/ms.exec(text)![0];
  const named = [...sentence.matchAll(/`(\w+)`/g)].map(([, key]) => key);
  // There is one engine so far, so it cannot be changed.
  assert.deepEqual(named, [...FIXED.filter((key) => key !== "engine"), "control"]);
});
