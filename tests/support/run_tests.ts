/**
 * `deno task test [PATH…]`: installs what the tests need, checks the tree, runs every test (or
 * those in the given paths) and the claims once more by the standalone executable.
 *
 * Four things go on at a time: two groups of tests that move packets through labs, which take a third
 * of a core each and wait for the rest, the fault scenarios, which wait even more, and everything
 * else. What a group of tests prints is shown when the group is done.
 *
 * The last line tells what came of it, `N passed, N failed`, with `, N skipped` where tests were
 * skipped; in CI (`CI` is set) a skipped test counts as failed.
 */
import { fileURLToPath } from "node:url";
import { installPackages } from "./debian.ts";
import { hostState, leftBehind } from "./host_state.ts";
import { countJunit, type TestCounts } from "./junit.ts";
import { compile, OUTPUT } from "../../cli/packaging/standalone/compile.ts";
import { UnpackedOnce } from "../../cli/packaging/standalone/unpacked_once.ts";
import { executableGroups, groupTests, SCENARIOS_GROUP, type TestGroup } from "./test_groups.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const FOLDERS = ["cli", "lab", "lib", "schema", "tests"];
const IN_CI = Boolean(Deno.env.get("CI"));
/** CI ends a run after 15 minutes; the last line must come before. */
const TOTAL_LIMIT_MS = 14 * 60_000;

const running = new Set<Deno.ChildProcess>();
const startedMs = performance.now();
const scratch = Deno.makeTempDirSync({ prefix: "bypath-tests-" });
const results: { name: string; counts: TestCounts; seconds: number }[] = [];

async function main(paths: readonly string[]): Promise<number> {
  await installPackages(say);
  if (paths.length > 0) {
    await runGroups(groupTests(await findTests(paths)));
  } else {
    await runAll();
  }
  return summarize();
}

async function runAll(): Promise<void> {
  const before = await hostState();
  const files = await findTests(FOLDERS);
  const groups = groupTests(files);
  const labs = groups.filter((it) => it.usesLab && it.name !== SCENARIOS_GROUP);
  using afterwards = new DisposableStack();
  const besides = async () => {
    await check("types", ["check", "--frozen", ...FOLDERS]);
    await check("format", ["fmt", "--check"]);
    await check("lint", ["lint"]);
    await runGroups(groups.filter((it) => !it.usesLab));
    if (!await record("compile", compileExecutable)) return;
    afterwards.use(new UnpackedOnce(ROOT + OUTPUT));
    // First of what is left: nothing takes longer.
    labs.unshift(...executableGroups(files, ROOT + OUTPUT));
  };
  const scenarios = groups.filter((it) => it.name === SCENARIOS_GROUP);
  // Whoever is done with their own takes what is left of the labs.
  await Promise.all([
    runNext(labs),
    runNext(labs),
    runGroups(scenarios).then(() => runNext(labs)),
    besides().then(() => runNext(labs)),
  ]);
  afterwards.dispose();
  // Elsewhere than in CI, others may be at work on the same host.
  if (IN_CI) {
    await record("nothing left behind", async () => {
      return leftBehind(before, await hostState()).join("\n") || null;
    });
  }
}

async function runGroups(groups: readonly TestGroup[]): Promise<void> {
  for (const group of groups) await runGroup(group);
}

/** Runs groups that nobody runs yet until there are none. */
async function runNext(waiting: TestGroup[]): Promise<void> {
  for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) {
    await runGroup(group);
  }
}

async function findTests(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths.map((path) => path.replace(/\/+$/, ""))) {
    if ((await Deno.stat(ROOT + path)).isFile) {
      found.push(path);
      continue;
    }
    const names = [...Deno.readDirSync(ROOT + path)]
      .filter((entry) => entry.isDirectory || entry.name.endsWith("_test.ts"))
      .map((entry) => `${path}/${entry.name}`);
    found.push(...await findTests(names));
  }
  return found;
}

/** A check that counts as one test: `run` gives null, or why it failed. */
async function record(name: string, run: () => Promise<string | null>): Promise<boolean> {
  const begunMs = performance.now();
  const problem = await run();
  say(`\n${name}${problem === null ? " ok" : ""}`);
  if (problem !== null) say(problem);
  const failed = problem === null ? [] : [problem.split("\n", 1)[0]!];
  addResult(name, { passed: 1 - failed.length, failed, skipped: [] }, begunMs);
  return problem === null;
}

function check(name: string, args: string[]): Promise<boolean> {
  return record(name, async () => {
    const { status, output } = await deno({ args, timeLimitMs: 3 * 60_000 });
    return status === "exit status 0" ? null : `deno ${args[0]}: ${status}\n${output}`;
  });
}

async function compileExecutable(): Promise<string | null> {
  try {
    await compile();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function runGroup(group: TestGroup): Promise<void> {
  say(`\n${group.name} begins`);
  const begunMs = performance.now();
  const report = `${scratch}/${group.name.replaceAll(/[^a-z]/g, "-")}.xml`;
  const { status, output } = await deno({
    args: ["test", "-A", "--no-check", `--junit-path=${report}`, ...group.files],
    env: group.env ?? {},
    timeLimitMs: group.timeLimitMs,
  });
  say(`\n${group.name}\n${output}`);
  const counts = countJunit(await Deno.readTextFile(report).catch(() => ""));
  // A file that does not load, a crash, a time limit: no test of the report tells of it.
  if (status !== "exit status 0" && counts.failed.length === 0) counts.failed.push(status);
  addResult(group.name, counts, begunMs);
}

interface DenoOptions {
  readonly args: string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly timeLimitMs: number;
}

interface DenoResult {
  /** `exit status 0`, or how else it ended. */
  readonly status: string;
  readonly output: string;
}

/** Runs Deno; what it prints, on either stream, is in the result. */
async function deno({ args, env = {}, timeLimitMs }: DenoOptions): Promise<DenoResult> {
  const leftMs = TOTAL_LIMIT_MS - (performance.now() - startedMs);
  if (leftMs <= 0) {
    return { status: `not run: ${TOTAL_LIMIT_MS / 60_000} minutes are over`, output: "" };
  }
  const child = new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: {
      ...(Deno.stdout.isTerminal() ? {} : { NO_COLOR: "1" }),
      BYPATH_TESTS_TOGETHER: "1",
      ...env,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const parts: string[] = [];
  const collect = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const part of stream.pipeThrough(new TextDecoderStream())) parts.push(part);
  };
  const collected = Promise.all([collect(child.stdout), collect(child.stderr)]);
  const limitMs = Math.min(leftMs, timeLimitMs);
  let late = false;
  const end = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, limitMs);
  running.add(child);
  const { code, signal } = await child.status;
  running.delete(child);
  clearTimeout(end);
  // Something that it started may hold its streams open: do not wait for that for ever.
  await Promise.race([collected, new Promise((resolve) => setTimeout(resolve, 2_000))]);
  const output = parts.join("");
  if (late) return { status: `ended after ${Math.round(limitMs / 1000)} s`, output };
  return { status: signal ? `ended by ${signal}` : `exit status ${code}`, output };
}

function addResult(name: string, counts: TestCounts, begunMs: number): void {
  results.push({ name, counts, seconds: (performance.now() - begunMs) / 1000 });
}

/** Prints the table, what failed, and the last line; returns the exit status. */
function summarize(): number {
  say("");
  let passed = 0;
  const failed: string[] = [];
  const skipped: string[] = [];
  for (const { name, counts, seconds } of results) {
    passed += counts.passed;
    failed.push(...counts.failed.map((test) => `${name}: ${test}`));
    (IN_CI ? failed : skipped).push(...counts.skipped.map((test) => `${name}: ${test}`));
    say(`${name.padEnd(24)} ${countsText(counts).padEnd(40)} ${seconds.toFixed(1).padStart(6)} s`);
  }
  for (const test of skipped) say(`skipped  ${test}`);
  for (const test of failed) say(`FAILED   ${test}`);
  const ending = skipped.length > 0 ? `, ${skipped.length} skipped` : "";
  say(`${passed} passed, ${failed.length} failed${ending}`);
  return failed.length === 0 && passed > 0 ? 0 : 1;
}

function countsText({ passed, failed, skipped }: TestCounts): string {
  const parts = [`${passed} passed`];
  if (failed.length > 0) parts.push(`${failed.length} failed`);
  if (skipped.length > 0) parts.push(`${skipped.length} skipped`);
  return parts.join(", ");
}

function say(line: string): void {
  console.log(line);
}

for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.addSignalListener(signal, () => {
    for (const child of running) child.kill("SIGKILL");
    Deno.removeSync(scratch, { recursive: true });
    Deno.exit(status);
  });
}
let exitCode = 1;
try {
  exitCode = await main(Deno.args);
} finally {
  Deno.removeSync(scratch, { recursive: true });
}
Deno.exit(exitCode);
