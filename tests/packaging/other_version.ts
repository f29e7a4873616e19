import { fileURLToPath } from "node:url";
import { mustRunHost } from "../../lab/host_command.ts";
import { VERSION } from "../../lib/config/version.ts";
import { writeSelfUnpacking } from "../../cli/packaging/standalone/self_unpacking.ts";

const BUNDLE = fileURLToPath(new URL("../../dist/bundle", import.meta.url));

/** Writes the executable of this very program under another version into `folder`; gives its path. */
export async function writeOtherVersion(folder: string, version: string): Promise<string> {
  const bundle = `${folder}/bundle`;
  await mustRunHost(["cp", "-R", BUNDLE, bundle]);
  let changed = 0;
  for (const path of modulesBelow(bundle)) {
    const before = await Deno.readTextFile(path);
    // Where deno.json went.
    const after = before.replaceAll(
      new RegExp(`(version"?: ")${RegExp.escape(VERSION)}"`, "g"),
      `$1${version}"`,
    );
    if (before !== after) {
      changed++;
      await Deno.writeTextFile(path, after);
    }
  }
  if (changed === 0) throw new Error(`Cannot make version ${version}: the bundle names none`);
  const output = `${folder}/bypath`;
  await writeSelfUnpacking(output, { runtime: Deno.execPath(), bundle, version, compression: 1 });
  return output;
}

function modulesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) return modulesBelow(path);
    return name.endsWith(".js") ? [path] : [];
  });
}
