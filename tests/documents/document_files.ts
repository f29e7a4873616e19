import { fileURLToPath } from "node:url";

/** The top of the repository, with a slash. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Every document, by its path from the top. */
export const DOCUMENTS: readonly string[] = ["README.md", "ARCHITECTURE.md", ...below("docs")]
  .sort();

function below(folder: string): string[] {
  return [...Deno.readDirSync(ROOT + folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) return below(path);
    return name.endsWith(".md") ? [path] : [];
  });
}
