import type { BypathLab } from "../../../lab/bypath_lab.ts";
import type { LabProcess } from "../../../lab/lab_process.ts";
import { ADDRESSES } from "../../../lab/topology.ts";
import { waitFor } from "../../../lab/wait.ts";

/** Where the daemons of the lab serve their metrics; Prometheus stands beside the NAT machine. */
export const NAT_METRICS = "127.0.0.1:9400";
export const AGENT_METRICS = { s1: `${ADDRESSES.s1}:9401`, s2: `${ADDRESSES.s2}:9401` } as const;

const LISTEN = "127.0.0.1:9090";

/** One sample of an instant vector. */
export interface Sampled {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A Prometheus in the lab's NAT machine, scraping all daemons twice a second. */
export class LabPrometheus {
  readonly #lab: BypathLab;
  readonly #process: LabProcess;

  private constructor(lab: BypathLab, process: LabProcess) {
    this.#lab = lab;
    this.#process = process;
  }

  /** Starts it with these rules, and waits until every daemon was scraped. */
  static async start(lab: BypathLab, rules: string): Promise<LabPrometheus> {
    const targets = [
      { job: "bypath-nat", at: [NAT_METRICS] },
      { job: "bypath-agent", at: Object.values(AGENT_METRICS) },
    ];
    const config = {
      global: { scrape_interval: "500ms", scrape_timeout: "500ms", evaluation_interval: "500ms" },
      rule_files: [rules],
      scrape_configs: targets.map(({ job, at }) => ({
        job_name: job,
        static_configs: [{ targets: at }],
      })),
    };
    const file = `${lab.folder}/prometheus.json`;
    await Deno.writeTextFile(file, JSON.stringify(config));
    const process = lab.lab.start("nat", [
      "prometheus",
      `--config.file=${file}`,
      `--storage.tsdb.path=${lab.folder}/prometheus`,
      `--web.listen-address=${LISTEN}`,
      "--log.level=warn",
    ]);
    const prometheus = new LabPrometheus(lab, process);
    await waitFor("Prometheus to scrape all daemons twice", async () => {
      process.mustRun();
      const ready = await prometheus.query("count_over_time(bypath_ready[1m])").catch(() => []);
      return ready.length === 3 && ready.every(({ value }) => value >= 2);
    }, { timeoutMs: 30_000 });
    return prometheus;
  }

  /** An instant query. @throws {Error} with Prometheus's words */
  async query(expression: string): Promise<Sampled[]> {
    const { result } = await this.#ask<{
      result: { metric: Record<string, string>; value: [number, string] }[];
    }>("query", `query=${expression}`);
    return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  /** Names of all series that it has. */
  async names(): Promise<string[]> {
    return await this.#ask("label/__name__/values");
  }

  /** What it knows of each metric; the unit comes with OpenMetrics alone. */
  async metadata(): Promise<Record<string, { type: string; unit: string }[]>> {
    return await this.#ask("metadata");
  }

  /** Of alerts that are pending or firing. */
  async alerts(): Promise<string[]> {
    const { alerts } = await this.#ask<{ alerts: { labels: { alertname: string } }[] }>("alerts");
    return alerts.map(({ labels }) => labels.alertname);
  }

  async stop(): Promise<void> {
    await this.#process.stop();
  }

  async #ask<Data>(path: string, ...parameters: string[]): Promise<Data> {
    const { stdout, stderr } = await this.#lab.lab.run("nat", [
      ...["curl", "-sSG", "--max-time", "5", `http://${LISTEN}/api/v1/${path}`],
      ...parameters.flatMap((parameter) => ["--data-urlencode", parameter]),
    ]);
    if (stdout === "") throw new Error(stderr);
    const answer = JSON.parse(stdout) as { status: string; error?: string; data: Data };
    if (answer.status !== "success") throw new Error(`${parameters}: ${answer.error}`);
    return answer.data;
  }
}
