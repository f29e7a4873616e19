/**
 * The Debian package on a Debian machine with systemd: installed, used, upgraded while traffic passes,
 * removed, purged.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { createHash } from "node:crypto";
import { BypathLab } from "../../lab/bypath_lab.ts";
import type { InspectedSession, InspectedStatus } from "../../lab/inspect_json.ts";
import { mustRunHost, runHost } from "../../lab/host_command.ts";
import { waitFor } from "../../lab/wait.ts";
import { VERSION } from "../../lib/config/version.ts";
import { ask } from "../../lib/control/admin_client.ts";
import { packageContents } from "../../cli/packaging/contents.ts";
import { writeDeb } from "../../cli/packaging/deb.ts";
import { releaseAt } from "../../cli/packaging/release.ts";
import { writeTarball } from "../../cli/packaging/tarball.ts";
import { rootTest } from "../support/root_test.ts";
import { DebianMachine } from "./debian_machine.ts";
import { writeOtherVersion } from "./other_version.ts";

const EXECUTABLE = Deno.env.get("BYPATH_EXECUTABLE") ||
  fileURLToPath(new URL("../../dist/bypath", import.meta.url));
const EPOCH_S = 1_790_000_000;
const NEXT_VERSION = `${VERSION}+next`;

Deno.test("the same files and the same time give the same package and the same tarball", async () => {
  await using folder = await ScratchFolder.make();
  await Deno.writeTextFile(`${folder.path}/bypath`, "#!/bin/sh\n");
  const release = releaseAt(VERSION, EPOCH_S);
  const digests: string[][] = [];
  for (const run of ["first", "second"]) {
    const output = `${folder.path}/${run}`;
    await Deno.mkdir(output);
    const files = await packageContents(`${folder.path}/bypath`, release);
    const made = [
      await writeDeb(files, output, release),
      await writeTarball(files, output, release),
    ];
    digests.push(await Promise.all(made.map(digestOf)));
    const [deb, tarball] = made as [string, string];
    const unpack = 'dpkg-deb --fsys-tarfile "$0" | tar -t';
    const inDeb = await mustRunHost(["sh", "-c", unpack, deb]);
    const inTarball = await mustRunHost(["tar", "-tzf", tarball]);
    const top = `bypath-${VERSION}-linux-${Deno.build.arch}/`;
    assert.deepEqual(namesIn(inTarball.replaceAll(top, "./")), namesIn(inDeb));
    // What comes later must not differ.
    await Deno.utime(`${folder.path}/bypath`, 1, 1);
  }
  assert.deepEqual(digests[0], digests[1]);
});

rootTest("lintian finds nothing wrong with the package", {
  capabilities: [],
  tools: ["dpkg-deb", "lintian"],
}, async () => {
  await using folder = await ScratchFolder.make();
  const deb = await writePackage(folder.path, VERSION, EXECUTABLE);
  const fail = "--fail-on=error,warning";
  const { code, stdout } = await runHost(["lintian", "--allow-root", fail, deb]);
  assert.equal(stdout, "");
  assert.equal(code, 0);
});

const NEEDS = {
  capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"],
  tools: ["dpkg", "systemctl", "man", "bash", "zsh", "fish"],
  timeoutMs: 180_000,
} as const;

rootTest("the package works on Debian, and an upgrade loses no session", NEEDS, async (test) => {
  // What comes later rests on it.
  const step = async (name: string, fn: () => Promise<void>) =>
    assert.ok(await test.step(name, fn));
  await using lab = await BypathLab.up();
  await using machine = await DebianMachine.start(lab.lab, "nat");
  await machine.run(["dpkg", "--purge", "bypath"]);
  const now = await writePackage(lab.folder, VERSION, EXECUTABLE);
  await Deno.mkdir(`${lab.folder}/next`);
  const other = await writeOtherVersion(`${lab.folder}/next`, NEXT_VERSION);
  const next = await writePackage(lab.folder, NEXT_VERSION, other);
  const install = async (path: string) => {
    await Deno.copyFile(path, machine.path("/root/bypath.deb"));
    const { code, stdout, stderr } = await machine.run(["dpkg", "--install", "/root/bypath.deb"]);
    assert.equal(code, 0, stdout + stderr);
    return stderr;
  };
  const units = ["bypath-nat", "bypath-agent"];
  const property = async (name: string, unit = "bypath-nat") =>
    (await machine.mustRun(["systemctl", "show", "--value", `--property=${name}`, unit])).trim();

  let installMs = 0;
  await step("after the installation nothing runs and nothing is enabled", async () => {
    const begunMs = performance.now();
    await install(now);
    installMs = performance.now() - begunMs;
    assert.equal(await machine.mustRun(["bypath", "--version"]), `bypath ${VERSION}\n`);
    for (const unit of units) {
      assert.equal(await property("UnitFileState", unit), "disabled");
      assert.equal(await property("ActiveState", unit), "inactive");
    }
    for (const kind of ["nat", "agent"]) {
      const { code, stderr } = await machine.run([
        "bypath",
        kind,
        "check",
        "--config",
        `/etc/bypath/${kind}.yaml`,
      ]);
      assert.equal(code, 2, "an example that nobody has edited says nothing");
      assert.match(stderr, /take away the "#" in front of the keys/);
    }
    assert.match(
      await machine.mustRun(["stat", "-c", "%a %U %G", "/etc/bypath"]),
      /^750 root bypath$/m,
    );
  });

  await step("the manual is there", async () => {
    for (
      const page of [
        "bypath",
        "bypath-nat",
        "bypath-agent",
        "bypath-inspect",
        "bypath-lab",
        "bypath-keys",
      ]
    ) {
      const text = await machine.mustRun(["man", "--warnings", page]);
      assert.match(text, new RegExp(`^${page.toUpperCase()}\\(1\\)`));
    }
    assert.match(await machine.mustRun(["man", "5", "bypath-nat.yaml"]), /services\[\]\.vip/);
    assert.match(await machine.mustRun(["man", "5", "bypath-agent.yaml"]), /certificate/);
  });

  await step("bash, zsh and fish complete", async () => {
    for (const [shell, path] of Object.entries(COMPLETIONS)) {
      const { stderr } = await machine.run([shell, "-n", path]);
      assert.equal(stderr, "", path);
    }
    assert.deepEqual((await machine.mustRun(["bash", "-c", IN_BASH])).split("\n").sort(), [
      "",
      "reload",
      "run",
    ]);
    assert.match(
      await machine.mustRun(["fish", "-c", "complete -C 'bypath nat r'"]),
      /^reload\t.*\nrun\t/,
    );
    assert.match(await machine.mustRun(["zsh", "-fc", IN_ZSH]), /bypath nat reload/);
  });

  await lab.startServers();
  const socket = machine.path("/run/bypath/nat.sock");
  const status = async () => await ask(socket, { verb: "status" }) as InspectedStatus;
  const sessions = async () =>
    JSON.parse(
      await machine.mustRun(["bypath", "inspect", "sessions", "--json"]),
    ) as InspectedSession[];
  await step("configured and enabled it translates, as its own user", async () => {
    const path = await lab.writeNatConfig((config) => {
      // Every packet has to pass the machine while it is upgraded.
      for (const service of config.services) service.bypass = { start: { never: true } };
      delete config.socket;
      delete config.state;
    });
    for (const name of ["ca.pem", "nat.pem", "nat.key"]) {
      await put(machine, `/etc/bypath/${name}`, await Deno.readTextFile(`${lab.folder}/${name}`));
    }
    await put(machine, "/etc/bypath/nat.yaml", await Deno.readTextFile(path));
    await machine.mustRun(["systemctl", "enable", "--now", "bypath-nat"]);
    assert.ok((await status()).ready);
    assert.match(await machine.mustRun(["bypath", "inspect", "status"]), /ready/);
    const pid = await property("MainPID");
    assert.equal((await machine.mustRun(["stat", "-c", "%U", `/proc/${pid}`])).trim(), "bypath");
  });

  await step("an upgrade ends no session and loses no byte", async () => {
    // It has to last for longer than the upgrade, on a busy host too.
    const lastsMs = 8_000 + 2 * installMs;
    const download = lab.download({ bytes: Math.ceil(lastsMs * 10_000), rate: 10_000_000 });
    await download.reached(1_000_000);
    const before = await sessions();
    const old = await property("MainPID");
    const upgrade = install(next);
    await waitFor("another process to be the main one", async () => {
      const pid = await property("MainPID");
      return pid !== old && pid !== "0";
    }, { timeoutMs: 60_000, everyMs: 200 });
    const after = await sessions();
    assert.deepEqual(after.map((it) => it.id), before.map((it) => it.id));
    assert.equal(after[0]?.state, "established", "the download goes on");
    assert.equal(await upgrade, "");
    assert.equal(await machine.exists(`/proc/${old}`), false, "the one before has ended");
    assert.equal((await status()).version, NEXT_VERSION);
    assert.ok((await download.result()).ok);
    assert.equal(await property("NRestarts"), "0");
    const unpacked = await machine.mustRun(["ls", "/var/cache/bypath-nat/bypath"]);
    assert.equal(unpacked.trim().split("\n").length, 1, "what the one before ran from is gone");
  });

  await step("removed, the configuration stays; purged, nothing does", async () => {
    await machine.mustRun(["dpkg", "--remove", "bypath"]);
    const journal = await machine.mustRun(["journalctl", "--unit=bypath-nat", "--lines=20"]);
    assert.equal(await property("ActiveState"), "inactive", journal);
    assert.equal(await machine.exists("/usr/bin/bypath"), false);
    assert.equal(await machine.exists("/var/cache/bypath-nat"), false);
    assert.match(await machine.mustRun(["cat", "/etc/bypath/nat.yaml"]), /never: true/);
    await machine.mustRun([
      "rm",
      "/etc/bypath/ca.pem",
      "/etc/bypath/nat.pem",
      "/etc/bypath/nat.key",
    ]);
    await machine.mustRun(["dpkg", "--purge", "bypath"]);
    const left = await machine.mustRun([
      ...["find", "/etc", "/usr", "/var", "/run", "-xdev", "-name", "*bypath*"],
      ...["-not", "-path", "/var/cache/man/*"],
    ]);
    assert.equal(left, "");
  });
});

const COMPLETIONS = {
  bash: "/usr/share/bash-completion/completions/bypath",
  zsh: "/usr/share/zsh/vendor-completions/_bypath",
  fish: "/usr/share/fish/vendor_completions.d/bypath.fish",
};

/** What a bash at a terminal does with `bypath nat r` and the tab key. */
const IN_BASH = `
. /usr/share/bash-completion/bash_completion
_completion_loader bypath
COMP_LINE='bypath nat r'; COMP_POINT=12; COMP_WORDS=(bypath nat r); COMP_CWORD=2; COMP_TYPE=9
eval "$(complete -p bypath | sed 's/.*-F \\([^ ]*\\) .*/\\1/')" 2>/dev/null
printf '%s\\n' "\${COMPREPLY[@]}"
`;

/** A zsh in a terminal of its own, with the tab key pressed after \`bypath nat re\`. */
const IN_ZSH = `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PS1=; autoload -Uz compinit; compinit -u -D; print READ\\Y'
zpty -r shell out '*READY*'
zpty -w -n shell $'bypath nat re\\t'
zpty -r shell out '*bypath nat reload*'
print -r -- "$out"
zpty -d shell
`;

/** A file as the documents say: root's, and readable by the daemons. */
async function put(machine: DebianMachine, path: string, text: string): Promise<void> {
  const { code, stderr } = await machine.run(
    ["install", "-m", "640", "-g", "bypath", "/dev/stdin", path],
    text,
  );
  assert.equal(code, 0, stderr);
}

async function writePackage(
  folder: string,
  version: string,
  executable: string,
): Promise<string> {
  const release = releaseAt(version, EPOCH_S);
  return await writeDeb(await packageContents(executable, release), folder, release);
}

async function digestOf(path: string): Promise<string> {
  return createHash("sha256").update(await Deno.readFile(path)).digest("hex");
}

/** Of files, without folders. */
function namesIn(listed: string): string[] {
  return listed.split("\n").filter((it) => it !== "" && !it.endsWith("/")).sort();
}

class ScratchFolder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<ScratchFolder> {
    return new ScratchFolder(await Deno.makeTempDir({ prefix: "bypath-packages-" }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
