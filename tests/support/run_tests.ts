/**
 * `deno task test [PATH…]`: installs what the tests need, checks the tree, runs every test (or
 * those in the given paths) and the claims once more by the standalone executable.
 *
 * The last line tells what came of it, `N passed, N failed`, with `, N skipped` where tests were
 * skipped; in CI (`CI` is set) a skipped test counts as failed.
 */
import { fileURLToPath } from "node:url";
import { installPackages } from "./debian.ts";
import { hostState, leftBehind } from "./host_state.ts";
import { countJunit, type TestCounts } from "./junit.ts";
import { compile, OUTPUT } from "./standalone/compile.ts";
import { UnpackedOnce } from "./standalone/unpacked_once.ts";
import { executableGroup, groupTests, type TestGroup } from "./test_groups.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const FOLDERS = ["cli", "lab", "lib", "schema", "tests"];
const IN_CI = Boolean(Deno.env.get("CI"));
/** CI ends a run after 15 minutes; the last line must come before. */
const TOTAL_LIMIT_MS = 14 * 60_000;

let running: Deno.ChildProcess | null = null;
const startedMs = performance.now();
const scratch = Deno.makeTempDirSync({ prefix: "bypath-tests-" });
const results: { name: string; counts: TestCounts; seconds: number }[] = [];

async function main(paths: readonly string[]): Promise<number> {
  await installPackages(say);
  if (paths.length > 0) {
    for (const group of groupTests(await findTests(paths))) await runGroup(group);
  } else {
    await runAll();
  }
  return summarize();
}

async function runAll(): Promise<void> {
  const before = await hostState();
  await check("types", ["check", "--frozen", ...FOLDERS]);
  await check("format", ["fmt", "--check"]);
  await check("lint", ["lint"]);
  const files = await findTests(FOLDERS);
  for (const group of groupTests(files)) await runGroup(group);
  if (await record("compile", compileExecutable)) {
    using _ = new UnpackedOnce(ROOT + OUTPUT);
    await runGroup(executableGroup(files, ROOT + OUTPUT));
  }
  // Elsewhere than in CI, others may be at work on the same host.
  if (IN_CI) {
    await record("nothing left behind", async () => {
      return leftBehind(before, await hostState()).join("\n") || null;
    });
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
  say(`\n${name}`);
  const begunMs = performance.now();
  const problem = await run();
  if (problem !== null) say(problem);
  const failed = problem === null ? [] : [problem.split("\n", 1)[0]!];
  addResult(name, { passed: 1 - failed.length, failed, skipped: [] }, begunMs);
  return problem === null;
}

function check(name: string, args: string[]): Promise<boolean> {
  return record(name, async () => {
    const status = await deno({ args, timeLimitMs: 3 * 60_000 });
    return status === "exit status 0" ? null : `deno ${args[0]}: ${status}`;
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
  say(`\n${group.name}`);
  const begunMs = performance.now();
  const report = `${scratch}/${results.length}.xml`;
  const status = await deno({
    args: ["test", "-A", "--no-check", `--junit-path=${report}`, ...group.files],
    env: group.env ?? {},
    timeLimitMs: group.timeLimitMs,
  });
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

/** Runs Deno with its output on this terminal; `exit status 0`, or how else it ended. */
async function deno({ args, env = {}, timeLimitMs }: DenoOptions): Promise<string> {
  const leftMs = TOTAL_LIMIT_MS - (performance.now() - startedMs);
  if (leftMs <= 0) return `not run: ${TOTAL_LIMIT_MS / 60_000} minutes are over`;
  const child = new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { ...(Deno.stdout.isTerminal() ? {} : { NO_COLOR: "1" }), ...env },
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  const limitMs = Math.min(leftMs, timeLimitMs);
  let late = false;
  const end = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, limitMs);
  running = child;
  const { code, signal } = await child.status;
  running = null;
  clearTimeout(end);
  if (late) return `ended after ${Math.round(limitMs / 1000)} s`;
  return signal ? `ended by ${signal}` : `exit status ${code}`;
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
    running?.kill("SIGKILL");
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
