import { writeAll } from "../command.ts";

/** Prints which files were made. */
export function printFiles(
  { certificatePath, keyPath }: { certificatePath: string; keyPath: string },
  json = false,
): void {
  const text = json
    ? JSON.stringify({ certificate: certificatePath, key: keyPath }, null, 2)
    : `${certificatePath}\n${keyPath}`;
  writeAll(Deno.stdout, `${text}\n`);
}
