/** The documents about installing, followed word for word on Debian machines with systemd. */
import { VERSION } from "../../lib/config/version.ts";
import { mustRunHost } from "../../lab/host_command.ts";
import { packageContents } from "../../cli/packaging/contents.ts";
import { writeDeb } from "../../cli/packaging/deb.ts";
import { releaseAt } from "../../cli/packaging/release.ts";
import { rootTest } from "../support/root_test.ts";
import { stepsOf } from "./blocks.ts";
import { ROOT } from "./document_files.ts";
import { ON_MACHINES, Stage } from "./stage.ts";

const EXECUTABLE = Deno.env.get("BYPATH_EXECUTABLE") || `${ROOT}dist/bypath`;
const MACHINES = ["nat", "s1"] as const;

rootTest("the documents about installing lead to what they say", {
  capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"],
  tools: ["apt-get", "curl", "python3", "systemctl"],
  timeoutMs: 240_000,
}, async (test) => {
  await using stage = await Stage.open({ machines: MACHINES });
  const folder = await Deno.makeTempDir({ prefix: "bypath-machines-" });
  try {
    const release = releaseAt(VERSION, 1_790_000_000);
    const deb = await writeDeb(await packageContents(EXECUTABLE, release), folder, release);
    for (const node of MACHINES) {
      const machine = stage.machine(node);
      await machine.run(["dpkg", "--purge", "bypath"]);
      await Deno.copyFile(deb, machine.path(`/root/${deb.split("/").at(-1)}`));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  // As they are in a checkout.
  const checkout = stage.machine("nat").path("/root");
  await Deno.mkdir(`${checkout}/dist`);
  await Deno.copyFile(EXECUTABLE, `${checkout}/dist/bypath`);
  await mustRunHost(["cp", "-R", `${ROOT}docs`, `${checkout}/docs`]);
  for (const path of ON_MACHINES) {
    await test.step(path, async () => {
      for (const step of stepsOf(await Deno.readTextFile(ROOT + path))) await stage.play(step);
      await stage.finish();
    });
  }
});
