import type { BypathLab } from "./bypath_lab.ts";
import { DEMO_STEPS, type DemoState } from "./demo_steps.ts";
import { mustRunHost } from "./host_command.ts";
import type { LabCommandOptions } from "./options.ts";
import { requireLabPrivileges } from "./privileges.ts";
import { Report } from "./report.ts";
import { describeMachine } from "./bench/machine.ts";
import { demoPage } from "./report_html/demo_page.ts";
import { ReportFile } from "./report_html/report_file.ts";
import { RoadRecorder } from "./report_html/road_recorder.ts";
import { formatDuration } from "./terminal.ts";
import { InterruptedError, withBypathLab } from "./with_lab.ts";

const PICTURE = [
  "client ──▶ router ──▶ NAT machine ──▶ server      requests, always",
  "client ◀── router ◀── NAT machine ◀── server      responses, until the criterion is met",
  "client ◀── router ◀────────────────── server      responses, from then on: the bypass",
];

/** `bypath lab demo`: the whole story with real traffic; 1 when a step does not hold. */
export async function demo(options: LabCommandOptions): Promise<number> {
  using file = options.report === undefined ? null : ReportFile.open(options.report);
  requireLabPrivileges();
  const report = new Report({ silent: options.json ?? false });
  const started = performance.now();
  const before = await hostNetwork();
  let made: BypathLab | undefined;
  let roads: RoadRecorder | undefined;
  report.title("bypath: NAT load balancing in which the servers answer the clients directly");
  report.say("", ...PICTURE, "");
  report.say(
    "The client knows one address, that of the service. The servers need no configuration for it.",
    "Traffic, programs and processes below are real; bytes are the kernel's interface counters.",
  );
  try {
    await withBypathLab({ ...options, onInterrupt: () => report.silence() }, (lab) => {
      made = lab;
      return file === null ? tell(lab, report) : record(lab, report, (each) => roads = each);
    });
  } catch (error) {
    if (error instanceof InterruptedError) {
      console.error(`\n${error.message}: everything is removed again`);
      return error.exitCode;
    }
    report.check("the story could be told to its end", false, (error as Error).message);
  }

  report.step("Nothing is left behind");
  const remains = await made?.lab.remains() ?? [];
  report.check(
    "no namespace, process or file of the lab exists any more",
    remains.length === 0,
    remains.join(", "),
  );
  const after = await hostNetwork();
  report.check("the host has the interfaces and routes it had before", before === after, after);
  const seconds = formatDuration(performance.now() - started);
  const broken = report.checks.filter((check) => !check.holds);
  report.figure("durationMs", Math.round(performance.now() - started));
  file?.write(demoPage({
    told: report.told,
    points: roads?.points ?? [],
    marks: roads?.marks ?? [],
    machine: await describeMachine(),
    when: new Date().toISOString(),
    holds: !report.failed,
  }));
  if (options.json) {
    const { checks, figures } = report;
    console.log(JSON.stringify({ ok: !report.failed, checks, figures }, null, 2));
  } else if (report.failed) {
    console.log(
      `\n${
        report.palette.red(`${broken.length} of ${report.checks.length} checks do not hold`)
      } (${seconds})`,
    );
  } else {
    console.log(
      `\n${report.palette.green(`All ${report.checks.length} checks hold`)} (${seconds})`,
    );
  }
  return report.failed ? 1 : 0;
}

/** The same, with what the kernel's counters say meanwhile. */
async function record(
  lab: BypathLab,
  report: Report,
  keep: (roads: RoadRecorder) => void,
): Promise<void> {
  await using roads = RoadRecorder.start(lab);
  keep(roads);
  await tell(lab, report, roads);
}

/** One step after another; a step that fails is told, and the later ones are still tried. */
async function tell(lab: BypathLab, report: Report, roads?: RoadRecorder): Promise<void> {
  const state: DemoState = { mark: (label, text) => roads?.mark(label, text) };
  for (const { title, needed, run } of DEMO_STEPS) {
    report.step(title);
    try {
      await run(lab, report, state);
    } catch (error) {
      report.check("this step could be carried out", false, (error as Error).message);
      await lab.stopClients();
    }
    if (needed && report.failed) return;
  }
}

/** The host's own interfaces and routes, as text: the lab must not touch them. */
async function hostNetwork(): Promise<string> {
  const links = JSON.parse(await mustRunHost(["ip", "-j", "link", "show"])) as { ifname: string }[];
  const routes = await mustRunHost(["ip", "route", "show"]);
  return `${links.map((link) => link.ifname).join(" ")}; ${routes.trim()}`;
}
