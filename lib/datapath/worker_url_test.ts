import assert from "node:assert/strict";
import { resolveWorker, workerUrl } from "./worker_url.ts";

Deno.test("workerUrl() finds a file of the source tree by its path from the top", async () => {
  const url = workerUrl("lib/datapath/worker_url_test.ts");
  assert.equal(url.href, import.meta.url);
  assert.ok((await Deno.stat(url)).isFile);
});

Deno.test("resolveWorker() keeps the source path when a test is the main module", () => {
  const url = resolveWorker(
    "lib/nat/packet_worker.ts",
    "file:///home/a%20b/lib/datapath/worker_url.ts",
    "file:///home/a%20b/tests/some_test.ts",
  );
  assert.equal(url.href, "file:///home/a%20b/lib/nat/packet_worker.ts");
});

Deno.test("resolveWorker() finds the bundled worker from whichever bundled file it landed in", () => {
  for (const own of ["chunk-4VNS5WPM.js", "cli/main.js", "lib/nat/packet_worker.js"]) {
    const url = resolveWorker(
      "lib/nat/packet_worker.ts",
      `file:///var/cache/bypath/5f1d/${own}`,
      "file:///var/cache/bypath/5f1d/cli/main.js",
    );
    assert.equal(url.href, "file:///var/cache/bypath/5f1d/lib/nat/packet_worker.js");
  }
});
