/** The standalone executable as it is made for users: dist/bypath, or what BYPATH_EXECUTABLE names. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { rootTest } from "../../../tests/support/root_test.ts";

const EXECUTABLE = Deno.env.get("BYPATH_EXECUTABLE") ||
  fileURLToPath(new URL("../../../dist/bypath", import.meta.url));

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the executable with no network, and nothing of Deno's in its environment or its home. */
async function offline(home: string, ...args: string[]): Promise<Result> {
  const { code, stdout, stderr } = await new Deno.Command("unshare", {
    args: ["--net", EXECUTABLE, ...args],
    cwd: home,
    clearEnv: true,
    env: { HOME: home, PATH: "/usr/sbin:/usr/bin:/sbin:/bin", NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

async function withHome(use: (home: string) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir({ prefix: "bypath-test-" });
  try {
    await use(home);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

const NEEDS = { capabilities: ["CAP_SYS_ADMIN"], tools: ["unshare"] } as const;

rootTest("the executable needs no network, no Deno and no cache of it", NEEDS, async () => {
  await withHome(async (home) => {
    const { code, stdout, stderr } = await offline(home, "--help");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /bypath/);
    assert.deepEqual([...Deno.readDirSync(home)], [], "it wrote to the home folder");
  });
});

rootTest("the executable holds the packages that keys and configuration need", NEEDS, async () => {
  await withHome(async (home) => {
    for (
      const args of [
        ["keys", "init", "--dir", "."],
        ["keys", "issue", "nat", "--address", "10.0.0.1", "--dir", "."],
      ]
    ) {
      const { code, stderr } = await offline(home, ...args);
      assert.equal(code, 0, stderr);
    }
    assert.match(await Deno.readTextFile(`${home}/nat.pem`), /BEGIN CERTIFICATE/);

    await Deno.writeTextFile(`${home}/nat.yaml`, "interfaces: [eth0]\nservicesss: []\n");
    const wrong = await offline(home, "nat", "check", "--config", "nat.yaml");
    assert.equal(wrong.code, 2, wrong.stderr);
    assert.match(wrong.stderr, /nat\.yaml.*2.*servicesss/);
  });
});

rootTest("a command that the executable does not know ends with status 2", NEEDS, async () => {
  await withHome(async (home) => {
    const { code, stdout, stderr } = await offline(home, "nta");
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, /nta/);
  });
});
