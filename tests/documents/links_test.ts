/** Links between the documents lead somewhere. */
import assert from "node:assert/strict";
import { dirname, join, normalize } from "node:path/posix";
import { DOCUMENTS, ROOT } from "./document_files.ts";

/** A heading as GitHub names it in a link. */
function anchorOf(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\w\- ]/g, "").replaceAll(" ", "-");
}

function anchorsIn(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading!));
}

Deno.test("every link of the documents within this repository leads to a file and a heading", () => {
  const broken: string[] = [];
  for (const path of DOCUMENTS) {
    const text = Deno.readTextFileSync(ROOT + path);
    for (const [, target, anchor] of text.matchAll(/\]\(([^()#\s]*)(?:#([^()\s]*))?\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue;
      const file = target === "" ? path : normalize(join(dirname(path), target!));
      try {
        const isFolder = Deno.statSync(ROOT + file).isDirectory;
        if (anchor === undefined || isFolder) continue;
        if (anchorsIn(Deno.readTextFileSync(ROOT + file)).includes(anchor)) continue;
      } catch {
        // Not there.
      }
      broken.push(`${path}: ${target}${anchor === undefined ? "" : `#${anchor}`}`);
    }
  }
  assert.deepEqual(broken, []);
});

Deno.test("README.md leads to every document", () => {
  const readme = Deno.readTextFileSync(`${ROOT}README.md`);
  for (const path of DOCUMENTS) {
    if (path !== "README.md") assert.ok(readme.includes(`](${path})`), path);
  }
});
