import assert from "node:assert/strict";
import { rootTest } from "../../../tests/support/root_test.ts";
import { writeSelfUnpacking } from "./self_unpacking.ts";

/** Stands in for Deno: tells what it was started with, and does what the first argument says. */
const FAKE_RUNTIME = `#!/bin/sh
while [ "$1" != "\${1#-}" ] || [ "$1" = run ]; do shift; done
main=$1; shift
echo "main $(basename "$(dirname "$main")")/$(basename "$main")"
echo "pid $$"
for argument in "$@"; do echo "argument <$argument>"; done
case $1 in
  wait) exec sleep 60 ;;
  cat) cat ;;
  fail) exit 42 ;;
esac
`;

/** An executable, and a home folder for whoever starts it; root starts it as nobody. */
class Fixture implements AsyncDisposable {
  readonly #folder: string;
  readonly executable: string;
  readonly home: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.executable = `${folder}/bypath`;
    this.home = `${folder}/home`;
  }

  static async make(): Promise<Fixture> {
    const fixture = new Fixture(await Deno.makeTempDir({ prefix: "bypath-test-" }));
    await fixture.#fill();
    return fixture;
  }

  async #fill(): Promise<void> {
    const runtime = `${this.#folder}/runtime`;
    const bundle = `${this.#folder}/bundle`;
    await Deno.writeTextFile(runtime, FAKE_RUNTIME);
    await Deno.mkdir(`${bundle}/cli`, { recursive: true });
    await Deno.writeTextFile(`${bundle}/cli/main.js`, `// ${crypto.randomUUID()}\n`);
    await writeSelfUnpacking(this.executable, { runtime, bundle, version: "1.2.3" });
    await Deno.mkdir(this.home);
    if (isRoot()) await Deno.chown(this.home, NOBODY, NOBODY);
    await Deno.chmod(this.#folder, 0o755);
  }

  get cache(): string {
    return `${this.home}/.cache/bypath`;
  }

  command(...args: string[]): Deno.Command {
    const [program, ...rest] = [...asNobody(), this.executable, ...args];
    return new Deno.Command(program!, {
      args: rest,
      clearEnv: true,
      env: { HOME: this.home, PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
  }

  async start(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const child = this.command(...args).spawn();
    await child.stdin.close();
    const { code, stdout, stderr } = await child.output();
    return { code, stdout: text(stdout), stderr: text(stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

const NOBODY = 65534;

function isRoot(): boolean {
  return Deno.uid() === 0;
}

function asNobody(): string[] {
  if (!isRoot()) return [];
  return ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map((entry) => entry.name);
}

Deno.test("the executable passes arguments, input and exit status through", async () => {
  await using fixture = await Fixture.make();
  const failing = await fixture.start("fail", "two words", "*", "");
  assert.equal(failing.code, 42);
  assert.equal(failing.stderr, "");
  assert.match(failing.stdout, /^main cli\/main\.js\n/);
  assert.match(failing.stdout, /argument <two words>\nargument <\*>\nargument <>\n$/);

  const child = fixture.command("cat").spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("from stdin"));
  await writer.close();
  const { stdout } = await child.output();
  assert.match(text(stdout), /from stdin$/);
});

Deno.test("the executable becomes the program, so signals reach it", async () => {
  await using fixture = await Fixture.make();
  const child = fixture.command("wait").spawn();
  await child.stdin.close();
  const reader = child.stdout.getReader();
  let seen = "";
  while (!seen.includes("argument")) {
    const { value, done } = await reader.read();
    assert.ok(!done, seen);
    seen += text(value);
  }
  assert.match(seen, new RegExp(`^pid ${child.pid}$`, "m"));
  child.kill("SIGTERM");
  assert.equal((await child.status).signal, "SIGTERM");
  await reader.cancel();
  await child.stderr.cancel();
});

Deno.test("the executable unpacks once, into a folder that only its user can open", async () => {
  await using fixture = await Fixture.make();
  await fixture.start();
  const [folder] = names(fixture.cache);
  assert.match(folder!, /^[0-9a-f]{64}$/);
  const before = await Deno.stat(`${fixture.cache}/${folder}`);
  assert.equal(before.mode! & 0o777, 0o700);

  assert.equal((await fixture.start()).code, 0);
  const after = await Deno.stat(`${fixture.cache}/${folder}`);
  assert.equal(after.ino, before.ino);
  assert.deepEqual(names(fixture.cache), [folder]);
});

Deno.test("first starts at the same time all succeed and leave one folder", async () => {
  await using fixture = await Fixture.make();
  const starts = await Promise.all(Array.from({ length: 8 }, () => fixture.start("fail")));
  assert.deepEqual(starts.map(({ code, stderr }) => [code, stderr]), Array(8).fill([42, ""]));
  assert.equal(names(fixture.cache).length, 1);
});

Deno.test("the executable runs nothing from a folder that others can write to", async () => {
  await using fixture = await Fixture.make();
  await fixture.start();
  for (const folder of [fixture.cache, `${fixture.cache}/${names(fixture.cache)[0]}`]) {
    await Deno.chmod(folder, 0o770);
    const { code, stdout, stderr } = await fixture.start();
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.match(stderr, /^bypath: Cannot .*: not a folder that user \d+ alone may write to\n$/);
    assert.equal(names(fixture.cache).length, 1);
    await Deno.chmod(folder, 0o700);
  }
});

Deno.test("the executable follows no link in place of its folder", async () => {
  await using fixture = await Fixture.make();
  await fixture.start();
  const folder = `${fixture.cache}/${names(fixture.cache)[0]}`;
  await Deno.rename(folder, `${fixture.home}/elsewhere`);
  await Deno.symlink(`${fixture.home}/elsewhere`, folder);
  assert.equal((await fixture.start()).code, 1);
});

Deno.test("a damaged executable says so and leaves nothing", async () => {
  await using fixture = await Fixture.make();
  const bytes = await Deno.readFile(fixture.executable);
  bytes[bytes.length - 20]! ^= 1;
  await Deno.writeFile(fixture.executable, bytes);
  const { code, stdout, stderr } = await fixture.start();
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(stderr, /^bypath: Cannot unpack ".*": the file is damaged\n$/);
  assert.deepEqual(names(fixture.cache), []);
});

rootTest("the executable of root unpacks below /var/cache", {
  capabilities: ["CAP_DAC_OVERRIDE"],
}, async () => {
  await using fixture = await Fixture.make();
  const header = text((await Deno.readFile(fixture.executable)).subarray(0, 1000));
  const folder = `/var/cache/bypath/${/^payload=(.*)$/m.exec(header)?.[1]}`;
  try {
    const { code } = await new Deno.Command(fixture.executable, { args: ["fail"] }).output();
    assert.equal(code, 42);
    assert.ok((await Deno.stat(`${folder}/cli/main.js`)).isFile);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the same runtime and bundle give the same file", async () => {
  const folder = await Deno.makeTempDir({ prefix: "bypath-test-" });
  try {
    await Deno.mkdir(`${folder}/bundle/cli`, { recursive: true });
    await Deno.writeTextFile(`${folder}/bundle/cli/main.js`, "1;\n");
    await Deno.writeTextFile(`${folder}/runtime`, "#!/bin/sh\n");
    const options = { runtime: `${folder}/runtime`, bundle: `${folder}/bundle`, version: "1.2.3" };
    await writeSelfUnpacking(`${folder}/first`, options);
    await Deno.utime(`${folder}/bundle/cli/main.js`, 1, 1);
    await writeSelfUnpacking(`${folder}/second`, options);
    assert.deepEqual(
      await Deno.readFile(`${folder}/first`),
      await Deno.readFile(`${folder}/second`),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
