import assert from "node:assert/strict";
import { LabUsageError } from "../options.ts";
import { Measurements } from "./measurements.ts";

const RUN = `# Benchmarks

Machine: 4 cores (A processor), 8 GiB of memory, Linux 6.1,
x86_64. Versions: bypath 0.1.0.

## bulk-tcp

TCP at full speed.

3 turns each, 2 s a load.

To the client, 1 connection (more
is better).

|        | median       | least      | most         | of direct |
| ------ | ------------ | ---------- | ------------ | --------- |
| direct | 10.11 Gbit/s | 950 Mbit/s | 12.95 Gbit/s | 1.00      |

| aim             | measured |     |
| --------------- | -------- | --- |
| direct: a thing | 0.63     | met |

## latency

P50 of a request's time (less is better).

|     | median  | least    | most     |
| --- | ------- | -------- | -------- |
| nft | 0.35 %  | -16.4 µs | 1,815 ms |
`;

Deno.test("figures are read back in base units, from formatted text as well", () => {
  const run = new Measurements(RUN, "run.md");
  assert.equal(run.machine, "4 cores (A processor), 8 GiB of memory, Linux 6.1, x86_64");
  assert.equal(run.cores, 4);
  assert.equal(run.secondsOf("bulk-tcp"), 2);
  const place = { bench: "bulk-tcp", quantity: "to the client, 1 connection", subject: "direct" };
  assert.deepEqual(run.figure(place), { median: 10.11e9, least: 950e6, most: 12.95e9 });
  const { median, least, most } = run.figure({
    bench: "latency",
    quantity: "p50 of a request's time",
    subject: "nft",
  });
  assert.ok(Math.abs(median - 0.0035) < 1e-9);
  assert.ok(Math.abs(least + 16.4e-6) < 1e-12);
  assert.ok(Math.abs(most - 1.815) < 1e-9);
});

Deno.test("what a run lacks is named, with the bench that measures it", () => {
  const run = new Measurements(RUN, "run.md");
  assert.throws(
    () => run.figure({ bench: "nat-load", quantity: "CPU time", subject: "nft" }),
    new LabUsageError(
      'Cannot take "CPU time" of nft from "run.md": it has none, ' +
        'measure it with "bypath lab bench nat-load"',
    ),
  );
});

Deno.test("a text of no run is refused", () => {
  assert.throws(() => new Measurements("# Something else\n", "x.md"), LabUsageError);
  assert.throws(
    () => new Measurements("", "x.md"),
    /not what "bypath lab bench --markdown" prints/,
  );
});
