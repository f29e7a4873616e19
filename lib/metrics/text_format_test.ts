import assert from "node:assert/strict";
import { Histogram } from "./histogram.ts";
import { counter, gauge, histogram, type Metric } from "./metric.ts";
import { formatFor, formatMetrics, OPEN_METRICS, PROMETHEUS_TEXT } from "./text_format.ts";

const seen = new Histogram([0.5, 1]);
[0.25, 0.5, 0.75, 3].forEach((value) => seen.observe(value));

const METRICS: readonly Metric[] = [
  {
    type: "info",
    name: "demo_build",
    help: "What it is",
    samples: [{ labels: { version: "1" }, value: 1 }],
  },
  counter("demo_sent_bytes", 'Bytes "sent"', [{ labels: { path: 'a\\b"c\nd' }, value: 12 }]),
  gauge("demo_open", "Now", Infinity),
  histogram("demo_wait_seconds", "Waiting", [{ labels: { service: "web" }, value: seen }]),
];

Deno.test("formatMetrics() writes OpenMetrics with units, families and an end", () => {
  assert.equal(
    formatMetrics(METRICS, OPEN_METRICS),
    `\
# HELP demo_build What it is
# TYPE demo_build info
demo_build_info{version="1"} 1
# HELP demo_sent_bytes Bytes \\"sent\\"
# TYPE demo_sent_bytes counter
# UNIT demo_sent_bytes bytes
demo_sent_bytes_total{path="a\\\\b\\"c\\nd"} 12
# HELP demo_open Now
# TYPE demo_open gauge
demo_open +Inf
# HELP demo_wait_seconds Waiting
# TYPE demo_wait_seconds histogram
# UNIT demo_wait_seconds seconds
demo_wait_seconds_bucket{service="web",le="0.5"} 2
demo_wait_seconds_bucket{service="web",le="1.0"} 3
demo_wait_seconds_bucket{service="web",le="+Inf"} 4
demo_wait_seconds_sum{service="web"} 4.5
demo_wait_seconds_count{service="web"} 4
# EOF
`,
  );
});

Deno.test("formatMetrics() writes Prometheus's own format by the names of samples", () => {
  const lines = formatMetrics(METRICS, PROMETHEUS_TEXT).split("\n");
  assert.deepEqual(lines.filter((line) => /^# (TYPE|UNIT|EOF)/.test(line)), [
    "# TYPE demo_build_info gauge",
    "# TYPE demo_sent_bytes_total counter",
    "# TYPE demo_open gauge",
    "# TYPE demo_wait_seconds histogram",
  ]);
  assert.ok(lines.includes('# HELP demo_sent_bytes_total Bytes "sent"'));
});

Deno.test("formatFor() gives OpenMetrics to those who ask for it, and plain text to all others", () => {
  const prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;" +
    "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
  assert.equal(formatFor(prometheus), OPEN_METRICS);
  assert.equal(formatFor("application/openmetrics-text; version=1.0.0"), OPEN_METRICS);
  const others = [
    "",
    "*/*",
    "text/html,*/*;q=0.8",
    "application/openmetrics-text; version=0.0.1",
    "application/openmetrics-text; version=1.0.0; q=0.3, text/plain",
    "application/openmetrics-text; version=1.0.0; q=0",
    ";;,q=,application/openmetrics-text;version=1.0.0;q=x",
  ];
  for (const accept of others) assert.equal(formatFor(accept), PROMETHEUS_TEXT, accept);
});
