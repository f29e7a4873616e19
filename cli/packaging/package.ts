/**
 * `deno task package`: makes a Debian package and a tarball of this version for hosts like this one,
 * into dist/. The same source and SOURCE_DATE_EPOCH give the same bytes.
 */
import { fileURLToPath } from "node:url";
import { packageContents } from "./contents.ts";
import { writeDeb } from "./deb.ts";
import { currentRelease } from "./release.ts";
import { compile, OUTPUT } from "./standalone/compile.ts";
import { writeTarball } from "./tarball.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

async function main(): Promise<void> {
  const release = await currentRelease();
  await compile();
  const files = await packageContents(ROOT + OUTPUT, release);
  for (const write of [writeDeb, writeTarball]) {
    console.error(`Made ${(await write(files, `${ROOT}dist`, release)).slice(ROOT.length)}`);
  }
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    Deno.exit(1);
  }
}
