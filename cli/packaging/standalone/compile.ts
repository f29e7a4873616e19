/**
 * `deno task compile`: makes dist/bypath, one file that runs without Deno and without a network.
 *
 * `deno compile` makes it where its runtime part, denort, can be had: downloaded, or as a local file
 * named by DENORT_BIN. Elsewhere the file is made of this Deno and the bundled program, and unpacks
 * itself at its first start.
 */
import { fileURLToPath } from "node:url";
import { writeSelfUnpacking } from "./self_unpacking.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const BUNDLE = "dist/bundle";
export const OUTPUT = "dist/bypath";
const DOWNLOAD_LIMIT_MS = 120_000;

export async function compile(): Promise<void> {
  await bundle();
  if (await denoCompile()) {
    say(`Made ${OUTPUT} by deno compile`);
    return;
  }
  say(
    "Cannot download denort, the runtime part of deno compile (DENORT_BIN=FILE names a local one): " +
      `making ${OUTPUT} of this Deno, it unpacks itself at its first start`,
  );
  const { version } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  await writeSelfUnpacking(ROOT + OUTPUT, {
    runtime: Deno.execPath(),
    bundle: ROOT + BUNDLE,
    version,
  });
  say(`Made ${OUTPUT}`);
}

/** Bundles the program and each of its workers, which start from files of their own. */
async function bundle(): Promise<void> {
  await Deno.remove(ROOT + BUNDLE, { recursive: true }).catch(ignoreNotFound);
  const workers = await findWorkers("lib");
  const { success, stderr } = await deno([
    "bundle",
    "--quiet",
    "--code-splitting",
    `--outdir=${BUNDLE}`,
    "cli/main.ts",
    ...workers,
  ]);
  if (!success) throw new Error(`Cannot bundle the program: ${stderr}`);
}

/** Every `*_worker.ts` below `folder`. */
async function findWorkers(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(ROOT + folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) found.push(...await findWorkers(path));
    else if (entry.name.endsWith("_worker.ts")) found.push(path);
  }
  return found.sort();
}

/** False when denort could not be downloaded. */
async function denoCompile(): Promise<boolean> {
  // deno compile overwrites only what it made itself.
  const made = `${OUTPUT}.compiled`;
  await Deno.remove(ROOT + made).catch(ignoreNotFound);
  const { success, stderr } = await deno([
    "compile",
    "--quiet",
    "-A",
    "--no-check",
    `--include=${BUNDLE}`,
    `--output=${made}`,
    `${BUNDLE}/cli/main.js`,
  ]);
  if (success) {
    await checkStarts(ROOT + made);
    await Deno.rename(ROOT + made, ROOT + OUTPUT);
    return true;
  }
  if (Deno.env.get("DENORT_BIN") === undefined && stderr.includes("denort")) return false;
  throw new Error(`Cannot compile: ${stderr}`);
}

/** deno compile takes any file for denort; one that is not leaves a program that is not ours. */
async function checkStarts(executable: string): Promise<void> {
  const { stdout } = await new Deno.Command(executable, { args: ["--help"] }).output();
  if (!new TextDecoder().decode(stdout).includes("bypath")) {
    await Deno.remove(executable);
    throw new Error(`Cannot compile: "${Deno.env.get("DENORT_BIN")}" is not a denort`);
  }
}

async function deno(args: string[]): Promise<{ success: boolean; stderr: string }> {
  const output = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1", RUST_BACKTRACE: "0" },
    stdout: "null",
    signal: AbortSignal.timeout(DOWNLOAD_LIMIT_MS),
  }).output();
  return { success: output.success, stderr: new TextDecoder().decode(output.stderr).trim() };
}

function ignoreNotFound(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

function say(line: string): void {
  console.error(line);
}

if (import.meta.main) {
  try {
    await compile();
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    Deno.exit(1);
  }
}
