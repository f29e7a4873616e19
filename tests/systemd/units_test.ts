/** The units in docs/systemd: what systemd itself says of them. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { manualPages } from "../../cli/packaging/manual/pages.ts";
import { rootTest } from "../support/root_test.ts";

const FOLDER = fileURLToPath(new URL("../../docs/systemd/", import.meta.url));
const UNITS = ["bypath-nat.service", "bypath-agent.service"];
/** Of 100; what is left is the network itself, which is what both are for. */
const EXPOSURE_LIMIT = 25;
const NEEDS = { capabilities: [], tools: ["systemd-analyze"] } as const;

async function analyze(...args: string[]): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await new Deno.Command("systemd-analyze", {
    args,
    env: { NO_COLOR: "1", SYSTEMD_PAGER: "" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

for (const unit of UNITS) {
  rootTest(`systemd finds nothing wrong with ${unit}`, NEEDS, async () => {
    const folder = await Deno.makeTempDir({ prefix: "bypath-units-" });
    try {
      // The program is not installed here; any other will do.
      const text = (await Deno.readTextFile(FOLDER + unit)).replaceAll(
        "/usr/bin/bypath",
        "/bin/true",
      );
      await Deno.writeTextFile(`${folder}/${unit}`, text);
      // Nor is its manual.
      const verified = await analyze("verify", "--man=no", `${folder}/${unit}`);
      assert.deepEqual(verified, { code: 0, text: "" });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });

  Deno.test(`${unit} names pages of the manual that there are`, async () => {
    const stamp = { version: "0", date: "2026-01-31" };
    const pages = manualPages({ nat: "", agent: "" }, stamp);
    const named = [...(await Deno.readTextFile(FOLDER + unit)).matchAll(/man:([^(\s]+)\((\d)\)/g)];
    assert.ok(named.length > 0);
    for (const [, name, part] of named) assert.ok(pages.has(`${name}.${part}`), name);
  });

  rootTest(`${unit} leaves its daemon little to do harm with`, NEEDS, async () => {
    const { code, text } = await analyze(
      "security",
      "--offline=true",
      `--threshold=${EXPOSURE_LIMIT}`,
      FOLDER + unit,
    );
    assert.equal(code, 0, text);
  });
}

Deno.test("both units confine their daemons alike, but for their folders and devices", async () => {
  const [nat, agent] = await Promise.all(UNITS.map(async (unit) => {
    const text = await Deno.readTextFile(FOLDER + unit);
    const from = text.indexOf("User=");
    return text.slice(from).split("\n").filter((line) => /^[A-Z]\w+=/.test(line))
      .map((line) => line.replaceAll(unit.replace(".service", ""), "NAME"));
  }));
  const differing = [
    ...nat!.filter((it) => !agent!.includes(it)),
    ...agent!.filter((it) => !nat!.includes(it)),
  ];
  assert.deepEqual(differing, [
    "PrivateDevices=yes",
    "DevicePolicy=closed",
    "DeviceAllow=/dev/net/tun rw",
    "SystemCallFilter=capset",
  ]);
});
