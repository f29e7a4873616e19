import type { PackagedFile } from "./contents.ts";

/** Writes the files of a package below `folder`, each with its mode and all of one time. */
export async function stage(
  files: readonly PackagedFile[],
  folder: string,
  epochS: number,
): Promise<void> {
  const folders = new Set([folder]);
  for (const { path, mode, content } of files) {
    const target = `${folder}/${path}`;
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
      folders.add(`${folder}/${path.slice(0, at)}`);
    }
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    if (content instanceof Uint8Array) await Deno.writeFile(target, content);
    else await Deno.copyFile(content.path, target);
    await Deno.chmod(target, mode);
    await Deno.utime(target, epochS, epochS);
  }
  for (const made of folders) {
    await Deno.chmod(made, 0o755);
    await Deno.utime(made, epochS, epochS);
  }
}

/** Runs a program of the host to its end. */
export async function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args], env })
    .output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`Cannot run "${program}": ${decoder.decode(stderr).trim()}`);
  return decoder.decode(stdout);
}
