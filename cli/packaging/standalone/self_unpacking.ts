import { createHash } from "node:crypto";

/** What goes into a self-unpacking executable. */
export interface SelfUnpackingOptions {
  /** The Deno executable that will run the program. */
  readonly runtime: string;
  /** Folder with the bundled program; its main module is `cli/main.js`. */
  readonly bundle: string;
  readonly version: string;
  /** gzip's level, 1 to 9; default 6. */
  readonly compression?: number;
}

const HEADER = new URL("./header.sh", import.meta.url);

/**
 * Writes `output`: header.sh, followed by a gzip'ed tar archive of `bypath` (the runtime) and the
 * bundle. The same input gives the same bytes. Needs `tar` and `gzip`.
 */
export async function writeSelfUnpacking(
  output: string,
  options: SelfUnpackingOptions,
): Promise<void> {
  const { runtime, bundle, version, compression = 6 } = options;
  const stage = await Deno.makeTempDir({ prefix: "bypath-standalone-" });
  try {
    const tree = `${stage}/tree`;
    await run("cp", ["-R", "--", bundle, tree]);
    await Deno.copyFile(runtime, `${tree}/bypath`);
    await Deno.chmod(`${tree}/bypath`, 0o755);
    const archive = `${stage}/payload.tar.gz`;
    await writeArchive(archive, tree, compression);

    const payload = await Deno.readFile(archive);
    const sha256 = createHash("sha256").update(payload).digest("hex");
    // Written aside and renamed: whoever runs the old file meanwhile keeps it.
    const aside = `${output}.${Deno.pid}`;
    await Deno.writeTextFile(aside, await header({ version, sha256 }));
    await Deno.writeFile(aside, payload, { append: true });
    await Deno.chmod(aside, 0o755);
    await Deno.rename(aside, output);
  } finally {
    await Deno.remove(stage, { recursive: true });
  }
}

async function header(values: { version: string; sha256: string }): Promise<string> {
  const template = await Deno.readTextFile(HEADER);
  const firstPayloadLine = template.split("\n").length;
  return template
    .replaceAll("@VERSION@", values.version)
    .replaceAll("@SHA256@", values.sha256)
    .replaceAll("@LINES@", String(firstPayloadLine));
}

async function writeArchive(archive: string, tree: string, compression: number): Promise<void> {
  // No entry for "." itself: unpacking must not change the mode of the folder it goes to.
  const names = [...Deno.readDirSync(tree)].map((entry) => entry.name).sort();
  await run("tar", [
    "--create",
    `--file=${archive}`,
    `--use-compress-program=gzip -n${compression}`,
    `--directory=${tree}`,
    "--sort=name",
    "--mtime=@0",
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    "--mode=u+w,go-w",
    "--",
    ...names,
  ]);
}

async function run(command: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args }).output();
  if (!success) {
    throw new Error(`Cannot run "${command}": ${new TextDecoder().decode(stderr).trim()}`);
  }
}
