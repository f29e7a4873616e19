import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { AdminServer } from "../lib/control/admin_server.ts";
import project from "../deno.json" with { type: "json" };

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));

interface Result {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `bypath ARGS…` from this checkout. */
function bypath(...args: string[]): Promise<Result> {
  return run(Deno.execPath(), ["run", "-A", "--quiet", MAIN, ...args]);
}

async function run(program: string, args: string[], cwd?: string): Promise<Result> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    ...(cwd !== undefined && { cwd }),
    env: { RUST_BACKTRACE: "0" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { status: code, stdout: text(stdout), stderr: text(stderr) };
}

/** Runs shell lines in an empty directory, with `bypath` as a command. */
async function shell(lines: string): Promise<Result> {
  const directory = await Deno.makeTempDir({ prefix: "bypath-cli-" });
  try {
    const preamble = `bypath() { "${Deno.execPath()}" run -A --quiet "${MAIN}" "$@"; }`;
    return await run("sh", ["-c", `set -e\n${preamble}\n${lines}`], directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("--help and --version print on stdout and exit 0", async () => {
  for (const args of [["--help"], ["nat", "--help"], ["nat", "run", "-h"], ["help", "lab"]]) {
    const { status, stdout, stderr } = await bypath(...args);
    assert.equal(status, 0);
    assert.match(stdout, /^Usage: bypath /);
    assert.match(stdout, /\nExample:\n {2}\S/);
    assert.equal(stderr, "");
    // deno-lint-ignore no-control-regex -- no colours where there is no terminal
    assert.doesNotMatch(stdout, /\x1b/);
  }
  assert.equal((await bypath("--version")).stdout, `bypath ${project.version}\n`);
});

Deno.test("without a command the help goes to stderr and the exit status is 2", async () => {
  for (const args of [[], ["nat"], ["nat", "bypass"], ["inspect"]]) {
    const { status, stdout, stderr } = await bypath(...args);
    assert.equal(status, 2);
    assert.equal(stdout, "");
    assert.match(stderr, /^Usage: bypath /);
  }
});

const WRONG_USAGE: readonly (readonly [string, string])[] = [
  ["natt", "bypath: unknown command 'natt', did you mean nat?"],
  ["frobnicate", "bypath: unknown command 'frobnicate'"],
  ["nat rnu", "bypath nat: unknown command 'rnu', did you mean run?"],
  ["nat run --confg x", "bypath nat run: unknown option '--confg', did you mean --config?"],
  ["nat run", "bypath nat run: needs --config <file>"],
  ["agent check --json", "bypath agent check: needs --config <file>"],
  ["nat run --config", "bypath nat run: option '--config <file>' argument missing"],
  ["nat drain", "bypath nat drain: missing required argument 'server'"],
  ["nat drain foo", 'bypath nat drain: "foo" is neither ADDRESS nor ADDRESS:PORT'],
  [
    "nat bypass stop",
    "bypath nat bypass stop: needs one of --session, --server, --service and --all",
  ],
  [
    "nat bypass start --all --service web",
    "bypath nat bypass start: needs one of --session, --server, --service and --all",
  ],
  [
    "inspect sessions --limit 0",
    "bypath inspect sessions: option '--limit <count>' argument '0' is invalid. Not a whole number from 1 on.",
  ],
  [
    "inspect sessions --path vai",
    "bypath inspect sessions: option '--path <path>' argument 'vai' is invalid. Allowed choices are nat, bypass.",
  ],
  [
    "inspect sessions --client 1.2.3",
    "bypath inspect sessions: Cannot use --client 1.2.3: need ADDRESS, PREFIX/LENGTH, ADDRESS:PORT or :PORT",
  ],
  ["inspect explain", "bypath inspect explain: missing required argument 'packet'"],
  ["lab run", "bypath lab run: needs the name of a scenario or a group, --all or --list"],
  [
    "lab bench --json --markdown",
    "bypath lab bench: --json and --markdown are two ways to print the same: choose one",
  ],
  [
    "lab scaling --from x --markdown --json",
    "bypath lab scaling: --json and --markdown are two ways to print the same: choose one",
  ],
  ["lab exec s1", "bypath lab exec: missing required argument 'cmd'"],
  ["keys init", "bypath keys init: needs --dir <dir>"],
  ["keys issue s1 --dir x", "bypath keys issue: needs --address <ip...>"],
  [
    "keys issue s1 --dir x --address 10.0.0",
    'bypath keys issue: Cannot read "10.0.0" as an address: not an IPv4 or IPv6 address',
  ],
];

for (const [args, message] of WRONG_USAGE) {
  Deno.test(`wrong usage is one line on stderr and exit status 2: bypath ${args}`, async () => {
    assert.deepEqual(await bypath(...args.split(" ")), {
      status: 2,
      stdout: "",
      stderr: `${message}\n`,
    });
  });
}

Deno.test("keys init and keys issue work as their help prints them", async () => {
  const { status, stdout, stderr } = await shell(
    (await bypath("keys", "issue", "--help")).stdout.split("Example:\n")[1]!,
  );
  assert.equal(stderr, "");
  assert.equal(status, 0);
  assert.equal(stdout, "keys/ca.pem\nkeys/ca.key\nkeys/s1.pem\nkeys/s1.key\n");
});

Deno.test("keys --json prints one document, and nothing is overwritten", async () => {
  const { status, stdout, stderr } = await shell(
    "bypath keys init --dir k --json; bypath keys init --dir k",
  );
  assert.deepEqual(JSON.parse(stdout), { certificate: "k/ca.pem", key: "k/ca.key" });
  assert.equal(status, 1);
  assert.match(stderr, /^bypath: Cannot write "k\/ca.pem": it exists already[^\n]*\n$/);
});

Deno.test("nat check works as its help prints it", async () => {
  const example = (await bypath("nat", "check", "--help")).stdout.split("Example:\n")[1]!;
  const { stdout } = await shell(`${example.trimEnd()} || true`);
  // Whether this host could run it is another matter.
  assert.match(stdout, /^service web: tcp 203\.0\.113\.10:80, maglev$/m);
});

Deno.test("agent check works as its help prints it", async () => {
  const example = (await bypath("agent", "check", "--help")).stdout.split("Example:\n")[1]!;
  const { stdout } = await shell(`${example.trimEnd()} || true`);
  assert.match(stdout, /^NAT machines: 10\.0\.0\.1:7400$/m);
});

Deno.test("nat check tells every mistake with file, line and key, and exits 2", async () => {
  const file = `cat > nat.yaml <<'END'
interfaces: [eth0]
snat: { adresses: [10.0.1.1] }
services: []
END
`;
  assert.deepEqual(await shell(`${file}bypath nat check --config nat.yaml`), {
    status: 2,
    stdout: "",
    stderr: [
      "nat.yaml:2:1: snat.addresses: missing",
      'nat.yaml:2:9: snat.adresses: unknown key, did you mean "addresses"?',
      "nat.yaml:3:1: services: needs at least 1 entry",
      "",
    ].join("\n"),
  });
  const { status, stdout } = await shell(`${file}bypath nat check --config nat.yaml --json`);
  assert.equal(status, 2);
  assert.equal(JSON.parse(stdout).problems[0].key, "snat.addresses");
});

Deno.test("complete prints a script for each shell, and answers it", async () => {
  for (const name of ["bash", "zsh", "fish"]) {
    const { status, stdout } = await bypath("complete", name);
    assert.equal(status, 0);
    assert.match(stdout, /bypath/);
  }
  const { stdout } = await bypath("complete", "--", "nat", "");
  assert.deepEqual(stdout.split("\n").map((line) => line.split("\t")[0]), [
    ...["run", "check", "reload", "bypass", "drain", "undrain"],
    ":4",
    "",
  ]);
  const options = await bypath("complete", "--", "nat", "run", "--");
  assert.match(options.stdout, /^--config\t/m);
  const files = await bypath("complete", "--", "nat", "run", "--config", `${MAIN.slice(0, -5)}`);
  assert.match(files.stdout, /cli\/main\.ts\t/);
});

Deno.test("complete offers what a running NAT machine has", async () => {
  const directory = await Deno.makeTempDir({ prefix: "bypath-cli-" });
  const path = `${directory}/nat.sock`;
  const servers = [
    { service: "web", address: "10.0.0.11:8080" },
    { service: "web", address: "10.0.0.12:8080" },
    { service: "web6", address: "[2001:db8::11]:8080" },
  ];
  const server = await AdminServer.listen(path, () => servers);
  try {
    const offered = async (option: string) => {
      const command = ["inspect", "sessions", "--socket", path, option, ""];
      const { stdout } = await bypath("complete", "--", ...command);
      return stdout.split("\n").map((line) => line.split("\t")[0]).slice(0, -2);
    };
    assert.deepEqual(await offered("--service"), ["web", "web6"]);
    assert.deepEqual(await offered("--server"), ["10.0.0.11", "10.0.0.12"]);
  } finally {
    await server[Symbol.asyncDispose]();
    await Deno.remove(directory, { recursive: true });
  }
  const { status } = await bypath(
    "complete",
    "--",
    "inspect",
    "sessions",
    "--socket",
    path,
    "--service",
    "",
  );
  assert.equal(status, 0);
});

Deno.test("a reader that leaves early is no error", async () => {
  const { stdout, stderr } = await shell("bypath --help | head -n 1");
  assert.equal(stdout, "Usage: bypath COMMAND\n");
  assert.equal(stderr, "");
});

Deno.test("--help starts quickly, so nothing heavy is loaded for it", async () => {
  const best = { helpMs: Infinity, runtimeMs: Infinity };
  for (let i = 0; i < 5; i++) {
    best.helpMs = Math.min(best.helpMs, await durationMs(() => bypath("--help")));
    best.runtimeMs = Math.min(
      best.runtimeMs,
      await durationMs(() => run(Deno.execPath(), ["eval", "0"])),
    );
  }
  // 75 ms on an idle machine, three starts of the runtime alone; a busy one takes longer for both.
  const limitMs = Math.max(500, 6 * best.runtimeMs);
  assert.ok(best.helpMs < limitMs, JSON.stringify(best));
});

async function durationMs(act: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await act();
  return performance.now() - start;
}

Deno.test("the agent's watchdog is no command for people, and says so", async () => {
  const { status, stderr } = await bypath("agent", "watchdog");
  assert.equal(status, 2);
  assert.match(stderr, /is started by the agent/);
  const help = await bypath("agent", "--help");
  assert.doesNotMatch(help.stdout, /watchdog/);
});
