import assert from "node:assert/strict";
import { LabUsageError } from "../options.ts";
import { documentOf, readDocuments } from "./document.ts";
import type { BenchResult } from "./result.ts";

const MACHINE = {
  cores: 2,
  processor: "Some CPU",
  memoryBytes: 2 ** 34,
  kernel: "Linux 6.18",
  architecture: "x86_64",
  runFileSystem: "tmpfs",
  versions: {},
};

function resultOf(name: string): BenchResult {
  return {
    ...{ name, description: "", lacking: [], rounds: 1, seconds: 1, durationMs: 1 },
    ...{ quantities: [], subjects: [], measured: [], ratios: [], aims: [], notes: [] },
  };
}

async function withFiles(
  texts: readonly string[],
  body: (paths: string[]) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const paths = texts.map((_, i) => `${folder}/${i}.json`);
    await Promise.all(texts.map((text, i) => Deno.writeTextFile(paths[i]!, text)));
    await body(paths);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const textOf = (name: string, machine = MACHINE) =>
  JSON.stringify(documentOf(machine, [resultOf(name)]));

Deno.test("runs of one machine are read as one, in the order given", async () => {
  await withFiles([textOf("a"), textOf("b")], async (paths) => {
    const { ok, machine, benches } = await readDocuments(paths);
    assert.ok(ok);
    assert.deepEqual(machine, MACHINE);
    assert.deepEqual(benches.map(({ name }) => name), ["a", "b"]);
  });
});

Deno.test("runs of two machines, and files that are no run, are refused", async () => {
  await withFiles([textOf("a"), textOf("b", { ...MACHINE, cores: 8 })], async (paths) => {
    await assert.rejects(readDocuments(paths), /different machines, 8 cores/);
  });
  await withFiles(["{", "[]"], async ([broken, other]) => {
    await assert.rejects(readDocuments([broken!]), /not JSON$/);
    await assert.rejects(readDocuments([other!]), /not what "bypath lab bench --json" prints/);
    await assert.rejects(readDocuments([`${broken}.x`]), LabUsageError);
  });
});
