import assert from "node:assert/strict";
import { documentOf } from "../bench/document.ts";
import type { Machine } from "../bench/machine.ts";
import { LabUsageError } from "../options.ts";
import { benchPage } from "./bench_page.ts";
import { demoPage } from "./demo_page.ts";
import { ReportFile } from "./report_file.ts";

const MACHINE: Machine = {
  cores: 2,
  processor: "<b>chip</b>",
  memoryBytes: 2 ** 33,
  kernel: "Linux 6.1",
  architecture: "x86_64",
  runFileSystem: "tmpfs",
  versions: { bypath: "0.1.0" },
};

function assertSelfContained(page: string): void {
  assert.doesNotMatch(page, /<script|<link|<img|https?:\/\/|@import|url\((?!#)/);
  assert.match(page, /default-src &#39;none&#39;|default-src 'none'/);
  assert.match(page, /&lt;b&gt;chip&lt;\/b&gt;/);
}

Deno.test("the demo's page tells steps, checks, moments and throughput, and needs nothing else", () => {
  const page = demoPage({
    told: [
      { kind: "step", title: "A large file" },
      { kind: "say", lines: ["The client downloads"] },
      { kind: "table", heading: ["bytes", "directly"], rows: [["whole", "1,234"]] },
      { kind: "check", check: { claim: "it arrived", holds: true } },
      { kind: "check", check: { claim: "nothing is left", holds: false, found: "<eth0>" } },
    ],
    points: [0, 100, 200].map((atMs) => ({ atMs, viaNat: 1000, viaBypass: 2000 })),
    marks: [{ atMs: 100, label: "K", text: "kill -9 of the agent" }],
    machine: MACHINE,
    when: "2026-01-31T00:00:00Z",
    holds: false,
  });
  assertSelfContained(page);
  for (const text of ["1. A large file", "The client downloads", "1,234", "it arrived"]) {
    assert.ok(page.includes(text), text);
  }
  assert.match(page, /✗ broken<\/b> nothing is left <span class="bad">found: &lt;eth0&gt;/);
  assert.match(page, /<td class="number">0\.10 s<\/td>|<td>0\.10 s<\/td>/);
  assert.match(page, /class="edge bypass"/);
});

Deno.test("the benches' page has a table a quantity, and what was not measured", () => {
  const measured = { samples: 1, min: 1e9, p90: 1e9, p99: 1e9, max: 1e9 };
  const page = benchPage(
    documentOf(MACHINE, [{
      name: "bulk-tcp",
      description: "bytes a second",
      lacking: [],
      rounds: 3,
      seconds: 2,
      quantities: [{ name: "throughput", unit: "bit/s", better: "more" }],
      subjects: [{ name: "nft" }, { name: "haproxy", leftOut: "not installed" }],
      measured: [{
        ...measured,
        quantity: "throughput",
        subject: "nft",
        turns: [[1e9]],
        p50: 1e9,
        medianOfTurns: { min: 1e9, max: 1e9 },
      }],
      ratios: [],
      aims: [],
      notes: ["one stream"],
      durationMs: 6000,
    }]),
    "2026-01-31T00:00:00Z",
  );
  assertSelfContained(page);
  for (
    const text of [
      "bulk-tcp",
      "throughput (more is better)",
      "haproxy: not installed",
      "the kernel&#39;s own NAT",
      'class="bar other"',
    ]
  ) assert.ok(page.includes(text), text);
  assert.doesNotMatch(page, /bypath-nat-polling/, "only what was measured is explained");
});

Deno.test("a report that cannot be written is refused before anything starts", async () => {
  assert.throws(
    () => ReportFile.open("/nonexistent/folder/report.html"),
    (error) =>
      error instanceof LabUsageError &&
      /^Cannot write the report to "\/nonexistent\/folder\/report\.html": /.test(error.message),
  );
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/report.html`;
    ReportFile.open(path)[Symbol.dispose]();
    assert.deepEqual([...Deno.readDirSync(folder)], [], "nothing was written, nothing is left");
    Deno.writeTextFileSync(path, "a longer text that was there before");
    ReportFile.open(path)[Symbol.dispose]();
    assert.equal(Deno.readTextFileSync(path), "a longer text that was there before");
    using file = ReportFile.open(path);
    file.write("short");
    assert.equal(Deno.readTextFileSync(path), "short");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
