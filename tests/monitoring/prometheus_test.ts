/**
 * Metrics, rules and dashboard, judged by Prometheus's own programs on live traffic in one lab.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { BypathLab } from "../../lab/bypath_lab.ts";
import type { NodeName } from "../../lab/topology.ts";
import { ADDRESSES } from "../../lab/topology.ts";
import { runHost } from "../../lab/host_command.ts";
import { waitFor } from "../../lab/wait.ts";
import { missingTools, rootTest } from "../support/root_test.ts";
import { parseExposition, wentBack } from "./support/exposition.ts";
import { AGENT_METRICS, LabPrometheus, NAT_METRICS } from "./support/prometheus.ts";

const NEEDS = {
  capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"],
  tools: ["prometheus", "promtool", "curl"],
} as const;
const MONITORING = fileURLToPath(new URL("../../docs/monitoring/", import.meta.url));
const RULES = `${MONITORING}alerts.yaml`;
/** What is slow on a host that does much else for a moment; `alerts_test.yaml` shows when they are raised. */
const OF_SPEED: ReadonlySet<string> = new Set([
  "BypathWorkerBusy",
  "BypathSlowToStart",
  "BypathControlSlow",
]);

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert?: string; readonly expr: string }[];
  }[];
}
interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets?: readonly { readonly expr: string }[];
}

const rules = (parse(await Deno.readTextFile(RULES)) as Rules).groups.flatMap((it) => it.rules);
const dashboard = JSON.parse(await Deno.readTextFile(`${MONITORING}dashboard.json`)) as {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string }[] };
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
};
const document = await Deno.readTextFile(`${MONITORING}../monitoring.md`);

Deno.test({
  name:
    "promtool finds the alert rules right, and each alert raised when it should be and only then",
  ignore: missingTools(["promtool"]).length > 0,
  fn: async () => {
    for (
      const args of [["check", "rules", RULES], ["test", "rules", `${MONITORING}alerts_test.yaml`]]
    ) {
      const { code, stdout, stderr } = await runHost(["promtool", ...args]);
      assert.equal(code, 0, stdout + stderr);
    }
    const cases = await Deno.readTextFile(`${MONITORING}alerts_test.yaml`);
    const untested = rules.filter(({ alert }) => alert && !cases.includes(`alertname: ${alert}\n`));
    assert.deepEqual(untested, []);
  },
});

Deno.test("the document on monitoring tells of each alert, and of no other", () => {
  const told = [...document.matchAll(/^### (Bypath\w+)$/gm)].map(([, name]) => name);
  assert.deepEqual(told, rules.flatMap(({ alert }) => alert ?? []));
});

Deno.test("the dashboard is one that Grafana can lay out", () => {
  const places = new Set<string>();
  for (const { title, gridPos: { x, y, w, h } } of dashboard.panels) {
    assert.ok(w > 0 && h > 0 && x >= 0 && x + w <= 24, title);
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        const place = `${column} ${line}`;
        assert.ok(!places.has(place), `${title} lies over another panel`);
        places.add(place);
      }
    }
  }
  const ids = dashboard.panels.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  const names = dashboard.templating.list.map(({ name }) => name);
  const used = [...JSON.stringify(dashboard.panels).matchAll(/\$\{?(\w+)/g)]
    .map(([, name]) => name!);
  const unknown = used.filter((name) => name !== "__rate_interval" && !names.includes(name));
  assert.deepEqual([...new Set(unknown)], []);
});

rootTest(
  "metrics of live traffic: true, steady, and what rules and dashboard ask for",
  NEEDS,
  async (t) => {
    await using lab = await BypathLab.up("monitoring");
    const scrape = async (node: NodeName, at: string, accept = "text/plain") =>
      await lab.lab.mustRun(node, [
        "curl",
        "-sSf",
        "-H",
        `Accept: ${accept}`,
        `http://${at}/metrics`,
      ]);
    const nat = async () => parseExposition(await scrape("nat", NAT_METRICS));
    await lab.startServers();
    await lab.startNat((config) => config.metrics = NAT_METRICS);
    await lab.startAgents((config, server) => config.metrics = AGENT_METRICS[server]);
    const prometheus = await LabPrometheus.start(lab, RULES);

    await t.step("what is told of a service is what its sessions carried", async () => {
      const { ok } = await lab.download({ bytes: 20_000_000 }).result();
      assert.ok(ok);
      const parts = { inbound: "fromClient", nat: "viaNat", bypass: "viaBypass" } as const;
      await waitFor("the agent's last report", async () => {
        const [sessions, { values }] = [await lab.sessions("--service", "web"), await nat()];
        return Object.entries(parts).every(([part, field]) => {
          const labels = part === "inbound"
            ? `direction="inbound",path="nat"`
            : `direction="outbound",path="${part}"`;
          return (["packets", "bytes"] as const).every((what) => {
            const total = sessions.reduce((sum, it) => sum + it[what][field], 0);
            return total > 0 &&
              values.get(`bypath_service_${what}_total{service="web",${labels}}`) === total;
          });
        });
      });
      const { values } = await nat();
      assert.equal(values.get('bypath_instructions_installed_total{service="web"}'), 1);
      assert.equal(values.get('bypath_bypass_start_seconds_count{service="web"}'), 1);
      assert.equal(values.get('bypath_sessions_opened_total{service="web"}'), 1);
      const started = values.get('bypath_bypass_start_seconds_sum{service="web"}')!;
      const sent = values.get('bypath_instruction_round_trip_seconds_sum{agent="s1"}') ??
        values.get('bypath_instruction_round_trip_seconds_sum{agent="s2"}')!;
      assert.ok(started >= sent && sent > 0, `${started} from criteria, ${sent} from sending`);
    });

    await t.step(
      "promtool finds nothing to say about the text, and all of it is documented",
      async () => {
        const texts = [await scrape("nat", NAT_METRICS), await scrape("s1", AGENT_METRICS.s1)];
        for (const text of texts) {
          const { code, stdout, stderr } = await runHost(["promtool", "check", "metrics"], {
            input: text,
          });
          assert.deepEqual([code, stdout, stderr], [0, "", ""]);
          const names = [...parseExposition(text).types.keys()];
          assert.deepEqual(names.filter((name) => !document.includes(`\`${name}\``)), []);
        }
        const documented = [...document.matchAll(/^\| `((?:bypath|process)_\w+)`/gm)].map((
          [, name],
        ) => name!);
        const all = texts.join("");
        assert.deepEqual(documented.filter((name) => !all.includes(`# TYPE ${name} `)), []);
        const open = await scrape(
          "nat",
          NAT_METRICS,
          "application/openmetrics-text; version=1.0.0",
        );
        assert.match(open, /\n# UNIT bypath_bypass_start_seconds seconds\n.*\n# EOF\n$/s);
        const metadata = await prometheus.metadata();
        assert.equal(
          metadata.bypath_service_bytes?.[0]?.unit,
          "bytes",
          "Prometheus takes OpenMetrics",
        );
      },
    );

    lab.stream({ count: 1_000_000, rate: 500 });
    lab.download({ bytes: 1e9, rate: 4e6, verify: "pages" });
    const before = await nat();

    await t.step("every query of the dashboard answers with data", async () => {
      // A service that is none, an order of the operator and a restriction lifted: something of each kind.
      await lab.lab.run("client", ["curl", "-s", "--max-time", "2", `http://${ADDRESSES.vip}:81/`]);
      await waitFor("a bypass", async () => (await lab.sessions("--path", "bypass")).length >= 2);
      await lab.switchBypass("stop");
      await lab.download({ bytes: 200_000 }).result();
      await lab.switchBypass("start");
      const queries = [
        ...dashboard.panels.flatMap(({ title, targets = [] }) =>
          // What is malformed, nobody sends here.
          targets.map(({ expr }) => ({
            title,
            expr: title.startsWith("Malformed") ? expr.replace(/ > 0$/, "") : expr,
          }))
        ),
        { title: "annotation", expr: dashboard.annotations.list[0]!.expr.replace("> 0", ">= 0") },
      ].map(({ title, expr }) => ({
        title,
        expr: expr.replaceAll("$__rate_interval", "1m").replaceAll(/\$(instance|service)\b/g, ".*"),
      }));
      assert.ok(queries.length > 30, `${queries.length}`);
      await Promise.all(queries.map(({ title, expr }) =>
        waitFor(`${title}: ${expr}`, async () => {
          const found = await prometheus.query(expr);
          return found.length > 0 && found.some(({ value }) => Number.isFinite(value));
        }, { timeoutMs: 20_000, everyMs: 500 })
      ));
      const health = queries.find(({ title }) => title === "Servers up")!;
      const states = (await prometheus.query(health.expr)).map(({ value }) => value);
      assert.deepEqual([...new Set(states)], [2], "no service has a health check");
      const share = `sum(rate(bypath_service_bytes_total{path="bypass"}[1m])) / ` +
        `sum(rate(bypath_service_bytes_total{direction="outbound"}[1m]))`;
      const [{ value = NaN } = {}] = await prometheus.query(share);
      assert.ok(value > 0.3 && value <= 1, `${value} of the bytes bypass`);
    });

    await t.step(
      "the rules ask for what there is, and raise nothing while all is well",
      async () => {
        const names = new Set(await prometheus.names());
        const asked = rules.flatMap(({ expr }) => expr.match(/\b(?:bypath|process)_\w+/g) ?? []);
        assert.deepEqual([...new Set(asked)].filter((name) => !names.has(name)), []);
        for (const { alert, expr } of rules) {
          const found = await prometheus.query(expr);
          // The daemons were started a moment ago, by a test that is no operator.
          if (alert === undefined) assert.ok(found.length > 0, expr);
          else if (!OF_SPEED.has(alert)) assert.deepEqual(found, [], alert);
        }
      },
    );

    await t.step("counters do not go back while sessions come and go", async () => {
      for (let round = 0; round < 3; round++) await lab.download({ bytes: 300_000 }).result();
      const after = await nat();
      assert.deepEqual(wentBack(before, after), []);
      assert.ok(before.types.size > 40 && before.values.size > 100);
    });

    await t.step("an agent that is gone and a server that drains raise their alerts", async () => {
      await lab.stopAgent("s2");
      const drain = ["nat", "drain", ADDRESSES.s2, "--socket", lab.socketOf("nat")];
      assert.equal((await lab.runSelf("nat", drain)).code, 0);
      const expected = ["BypathAgentAway", "BypathDown", "BypathOrderStands"];
      await waitFor("the alerts", async () => {
        const alerts = await prometheus.alerts();
        return expected.every((alert) => alerts.includes(alert));
      });
      assert.deepEqual([...new Set(await prometheus.alerts())].sort(), expected);
    });

    await t.step("a reload moves the metrics, or takes none of it", async () => {
      const reload = async (metrics: string | undefined) => {
        const path = await lab.writeNatConfig((config) => {
          if (metrics !== undefined) config.metrics = metrics;
        });
        assert.equal(path, `${lab.folder}/nat.yaml`);
        return await lab.runSelf("nat", ["nat", "reload", "--socket", lab.socketOf("nat")]);
      };
      const answers = async (at: string) =>
        (await lab.lab.run("nat", ["curl", "-s", "--max-time", "2", `http://${at}/`])).code === 0;
      const { code, stderr } = await reload("127.0.0.1:9090");
      assert.match(stderr, /Nothing was changed: Cannot serve metrics on 127.0.0.1:9090: another/);
      assert.deepEqual([code, await answers(NAT_METRICS)], [2, true]);
      assert.equal((await reload("127.0.0.1:9410")).code, 0);
      assert.deepEqual([await answers(NAT_METRICS), await answers("127.0.0.1:9410")], [
        false,
        true,
      ]);
      assert.equal((await reload(undefined)).code, 0);
      assert.equal(await answers("127.0.0.1:9410"), false);
      assert.equal((await reload(NAT_METRICS)).code, 0);
      assert.ok(await answers(NAT_METRICS));
    });

    await t.step(
      "a process that takes over serves the metrics, of sessions that it did not open too",
      async () => {
        const sessions = (values: ReadonlyMap<string, number>) =>
          ["nat", "bypass"].reduce(
            (sum, path) => sum + values.get(`bypath_sessions{service="stream",path="${path}"}`)!,
            0,
          );
        assert.equal(sessions((await nat()).values), 1);
        await lab.takeOverNat();
        await waitFor("the new one's metrics", async () => {
          const { values } = await nat();
          return values.get("bypath_ready") === 1 && sessions(values) === 1;
        });
      },
    );

    await lab.stopClients();
    await prometheus.stop();
  },
);

rootTest("a metrics port in use ends the start, and nothing was touched", NEEDS, async () => {
  await using lab = await BypathLab.up("monitoring-port");
  const taken = lab.startTraffic("nat", "http-server", "--listen", "127.0.0.1:9400");
  await taken.waitForLine((line) => line.includes("listening"));
  const path = await lab.writeNatConfig((config) => config.metrics = NAT_METRICS);
  const { code, stderr } = await lab.runSelf("nat", ["nat", "run", "--config", path]);
  assert.match(stderr, /^Cannot serve metrics on 127.0.0.1:9400: another program listens there/m);
  assert.equal(code, 1);
  await taken.stop();
});

rootTest("a daemon's log is one JSON object a line, events included", NEEDS, async () => {
  await using lab = await BypathLab.up("monitoring-log");
  const path = await lab.writeNatConfig();
  const args = ["nat", "run", "--config", path, "--log", "json", "--log-level", "debug"];
  const nat = lab.startSelf("nat", args);
  await nat.waitForLine((line) => line.includes('"message":"Ready: '), {
    stream: "stderr",
    timeoutMs: 20_000,
  });
  const reload = async () =>
    await lab.runSelf("nat", ["nat", "reload", "--socket", lab.socketOf("nat")]);
  await lab.writeNatConfig((config) => config.echo = false);
  assert.equal((await reload()).code, 0);
  await nat.waitForLine((line) => line.includes('"reloaded"'), { stream: "stderr" });
  await nat.stop();
  const told = nat.stderr.lines.map((line) =>
    JSON.parse(line) as { time: string; level: string; message: string; changes?: string }
  );
  assert.ok(told.every(({ time }) => Math.abs(Date.parse(time) - Date.now()) < 120_000));
  const reloaded = told.find(({ message }) => message === "reloaded");
  assert.equal(reloaded?.level, "debug");
  assert.match(reloaded?.changes ?? "", /echo/);
  const { code, stderr } = await lab.runSelf("nat", [
    ...args.slice(0, 3),
    "/none",
    ...args.slice(4),
  ]);
  const [refused] = stderr.trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual([code, refused.level, refused.file], [2, "error", "/none"]);
});
