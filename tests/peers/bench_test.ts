/** `bypath lab bench` over every road on this host: the shape of what it tells, and no speed. */
import assert from "node:assert/strict";
import type { BenchResult } from "../../lab/bench/result.ts";
import { REFERENCE_ROADS, ROADS, WORKERS } from "../../lab/bench/roads/all.ts";
import { runHost } from "../../lab/host_command.ts";
import { selfCommand } from "../../lib/datapath/self_command.ts";
import { rootTest } from "../support/root_test.ts";

interface Document {
  readonly ok: boolean;
  readonly machine: { readonly cores: number; readonly kernel: string };
  readonly benches: readonly BenchResult[];
}

rootTest("lab bench measures every road in turns, and tells everything as JSON", {
  tools: ["gcc", "haproxy", "nft", "nginx", "wrk"],
  timeoutMs: 120_000,
}, async () => {
  const options = ["http-requests", "--quick", "--json", "--name", `bench-${Deno.pid}`];
  const { code, stdout, stderr } = await runHost([...selfCommand(), "lab", "bench", ...options]);
  assert.equal(code, 0, stdout + stderr);
  const { ok, machine, benches } = JSON.parse(stdout) as Document;
  assert.ok(ok);
  assert.ok(machine.cores > 0);
  assert.match(machine.kernel, /^Linux /);
  const [bench] = benches;
  assert.equal(benches.length, 1);
  assert.equal(bench?.name, "http-requests");
  assert.deepEqual(
    bench?.subjects.map(({ name }) => name),
    [...ROADS, ...WORKERS, ...REFERENCE_ROADS].map(({ name }) => name),
  );
  for (const { name, leftOut } of bench?.subjects ?? []) {
    const measured = bench?.measured.find(({ subject }) => subject === name);
    // Of what is asked for above nothing may be left out.
    if (name !== "nginx-stream") assert.equal(leftOut, undefined);
    if (leftOut !== undefined) continue;
    assert.equal(measured?.turns.length, 1, name);
    assert.ok(measured!.p50 > 0, name);
  }
  const ofNft = bench?.ratios.find(({ subject, of }) => subject === "bypath-nat" && of === "nft");
  assert.ok(ofNft!.ratio > 0);
  assert.ok(bench?.aims.every(({ measured, met }) => measured !== null && met !== null));
});
