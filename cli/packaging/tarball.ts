import type { PackagedFile } from "./contents.ts";
import type { Release } from "./release.ts";
import { run, stage } from "./stage.ts";

/**
 * Writes `folder/bypath-VERSION-linux-CPU.tar.gz` and gives its path: the files of the package below
 * one folder, for `tar -C / --strip-components=1`. Needs tar and gzip.
 */
export async function writeTarball(
  files: readonly PackagedFile[],
  folder: string,
  { version, epochS }: Release,
): Promise<string> {
  const name = `bypath-${version}-linux-${Deno.build.arch}`;
  const made = await Deno.makeTempDir({ prefix: "bypath-tarball-" });
  try {
    await stage(files, `${made}/${name}`, epochS);
    const output = `${folder}/${name}.tar.gz`;
    await run("tar", [
      "--create",
      `--file=${output}`,
      "--use-compress-program=gzip -n1",
      `--directory=${made}`,
      "--sort=name",
      `--mtime=@${epochS}`,
      "--owner=0",
      "--group=0",
      "--numeric-owner",
      name,
    ]);
    return output;
  } finally {
    await Deno.remove(made, { recursive: true });
  }
}
