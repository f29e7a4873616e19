import type { BypathLab } from "../bypath_lab.ts";
import { type CommandResult, haveProgram } from "../host_command.ts";
import { initKeys, issueKeys } from "../../lib/control/keys.ts";
import {
  type AgentYaml,
  defaultAgentYaml,
  defaultNatYaml,
  type NatYaml,
  writeAgentYaml,
} from "../lab_files.ts";
import type { Report } from "../report.ts";
import { selfCommand } from "../../lib/datapath/self_command.ts";
import { ADDRESSES, type NodeName } from "../topology.ts";
import { waitFor } from "../wait.ts";
import { stringify } from "yaml";
import type { Scenario } from "./scenario.ts";

interface WrongCase {
  readonly what: string;
  /** The configuration's text. */
  readonly config: string;
  /** What the one line on standard error has to tell. */
  readonly says: readonly RegExp[];
  readonly exit: number;
}

/** Every mistake gives one line and the right exit status, and leaves nothing half set up. */
export const wrongInput: Scenario = {
  name: "wrong-input",
  group: "limits",
  description: "wrong configurations, addresses, ports, privileges and certificates: one line each",
  async run(lab, report) {
    for (const each of natCases()) await checkNat(lab, report, each);
    await checkPrivilege(lab, report);
    await checkVipOfHost(lab, report);
    await checkPortInUse(lab, report);
    await checkSecondNat(lab, report);
    await checkForeignCertificate(lab, report);
    await checkAgentCases(lab, report);
  },
};

function natCases(): WrongCase[] {
  const without = (key: keyof NatYaml) => {
    const config = defaultNatYaml();
    delete config[key];
    return stringify(config);
  };
  const place = /nat-wrong\.yaml:\d+/;
  const good = stringify(defaultNatYaml());
  return [
    { what: "a missing key", config: without("snat"), says: [/nat-wrong\.yaml/, /snat/], exit: 2 },
    {
      what: "an unknown key",
      config: good.replace("capacity:", "capasity:"),
      says: [place, /capasity/, /capacity/],
      exit: 2,
    },
    {
      what: "a wrong value",
      config: good.replace("port: 80", "port: eighty"),
      says: [place, /port/, /eighty/],
      exit: 2,
    },
    { what: "text that is no YAML", config: "interfaces: [eth0\n", says: [place], exit: 2 },
    {
      what: "an interface that does not exist",
      config: good.replace("- eth0", "- eth7"),
      says: [/eth7/],
      exit: 2,
    },
    {
      what: "a certificate file that does not exist",
      config: good.replace("nat.pem", "none.pem"),
      says: [/none\.pem/],
      exit: 2,
    },
  ];
}

async function checkNat(lab: BypathLab, report: Report, each: WrongCase): Promise<void> {
  const path = `${lab.folder}/nat-wrong.yaml`;
  await Deno.writeTextFile(path, each.config);
  const before = await setUp(lab, "nat");
  const result = await runShortly(lab, "nat", ["nat", "run", "--config", path]);
  const after = await setUp(lab, "nat");
  checkResult(report, each, result, before === after);
}

/** Root without the capabilities; setpriv belongs to util-linux, which is nearly everywhere. */
async function checkPrivilege(lab: BypathLab, report: Report): Promise<void> {
  if (!await haveProgram("setpriv")) {
    report.say("(no setpriv on this host: running without privilege is not tried)");
    return;
  }
  const path = await lab.writeNatConfig();
  const before = await setUp(lab, "nat");
  const drop = "-net_raw,-net_admin";
  const result = await lab.lab.run("nat", [
    ...["setpriv", "--bounding-set", drop, "--inh-caps", drop],
    ...[...selfCommand(), "nat", "run", "--config", path],
  ]);
  const after = await setUp(lab, "nat");
  const says = [/CAP_NET_ADMIN|CAP_NET_RAW/];
  checkResult(
    report,
    { what: "running without privilege", says, exit: 1 },
    result,
    before === after,
  );
}

async function checkVipOfHost(lab: BypathLab, report: Report): Promise<void> {
  const address = ["address", "add", `${ADDRESSES.vip}/32`, "dev", "eth0"];
  await lab.lab.mustRun("nat", ["ip", ...address]);
  const path = await lab.writeNatConfig((config) => config.services.splice(1));
  const before = await setUp(lab, "nat");
  const result = await runShortly(lab, "nat", ["nat", "run", "--config", path]);
  const after = await setUp(lab, "nat");
  await lab.lab.mustRun("nat", ["ip", "address", "delete", `${ADDRESSES.vip}/32`, "dev", "eth0"]);
  const says = [new RegExp(ADDRESSES.vip.replaceAll(".", "\\."))];
  checkResult(
    report,
    { what: "a VIP that the host owns", says, exit: 2 },
    result,
    before === after,
  );
}

async function checkPortInUse(lab: BypathLab, report: Report): Promise<void> {
  const other = lab.startSelf("nat", [
    ...["lab", "traffic", "http-server", "--listen", `${ADDRESSES.nat}:7400`],
  ]);
  await other.waitForLine((line) => line.includes("listening"));
  const path = await lab.writeNatConfig();
  const before = await setUp(lab, "nat");
  const result = await runShortly(lab, "nat", ["nat", "run", "--config", path]);
  const after = await setUp(lab, "nat");
  await other.stop();
  const each = { what: "a control port in use", says: [/7400/], exit: 1 };
  checkResult(report, each, result, before === after);
}

async function checkSecondNat(lab: BypathLab, report: Report): Promise<void> {
  await lab.startServers();
  const first = await lab.startNat();
  const cases: (Omit<WrongCase, "config"> & { change: (config: NatYaml) => void })[] = [
    {
      what: "a second NAT machine on the same socket",
      change: () => {},
      says: [/nat\.sock/],
      exit: 1,
    },
    {
      what: "a second NAT machine with a socket, a state file and a port of its own",
      change: (config) => {
        Object.assign(config, { socket: "second.sock", state: "second.sessions" });
        config.control!.listen = `${ADDRESSES.nat}:7402`;
      },
      says: [/another one runs/],
      exit: 1,
    },
  ];
  for (const { change, ...each } of cases) {
    const path = await lab.writeNatConfig(change);
    const before = await setUp(lab, "nat");
    const result = await runShortly(lab, "nat", ["nat", "run", "--config", path]);
    const after = await setUp(lab, "nat");
    checkResult(report, each, result, before === after);
  }
  const { ok } = await lab.download({ bytes: 1_000_000 }).result();
  report.check("the first NAT machine goes on undisturbed", first.running && ok);
}

/** It stays outside, and the NAT machine goes on. */
async function checkForeignCertificate(lab: BypathLab, report: Report): Promise<void> {
  const foreign = `${lab.folder}/foreign`;
  await initKeys(foreign);
  await issueKeys(foreign, { name: "s1", addresses: [ADDRESSES.s1], role: "agent" });
  const path = await writeAgentYaml(lab.folder, "s1", {
    ...defaultAgentYaml("s1"),
    certificate: "foreign/s1.pem",
    key: "foreign/s1.key",
  });
  const agent = lab.startSelf("s1", ["agent", "run", "--config", path]);
  await waitFor(
    "the agent to be refused",
    () => agent.stderr.lines.some((line) => /certificate|refused|authority|TLS/i.test(line)),
    { timeoutMs: 10_000 },
  ).catch(() => {});
  const status = await lab.status();
  report.check(
    "an agent with a certificate of another authority is not let in",
    status.agents.every((each) => !each.connected) &&
      (await lab.servers()).every((server) => !server.agent.connected),
    JSON.stringify(status.agents),
  );
  report.check(
    "and says why in its log",
    agent.stderr.lines.some((line) => /certificate|refused|authority|TLS/i.test(line)),
    agent.stderr.lines.slice(-2).join(" | "),
  );
  await agent.stop();
  const { ok } = await lab.download({ bytes: 1_000_000 }).result();
  report.check("traffic goes on by way of the NAT machine", ok);
}

async function checkAgentCases(lab: BypathLab, report: Report): Promise<void> {
  const cases: (Omit<WrongCase, "config"> & { change: (config: AgentYaml) => AgentYaml })[] = [
    {
      what: "an agent on an interface that does not exist",
      change: (config) => ({ ...config, interface: "eth7" }),
      says: [/eth7/],
      exit: 2,
    },
    {
      what: "an agent whose key is not its certificate's",
      change: (config) => ({ ...config, key: "nat.key" }),
      says: [/nat\.key|key/],
      exit: 2,
    },
  ];
  for (const { change, ...each } of cases) {
    const path = await writeAgentYaml(lab.folder, "s1", change(defaultAgentYaml("s1")));
    const before = await setUp(lab, "s1");
    const result = await runShortly(lab, "s1", ["agent", "run", "--config", path]);
    const after = await setUp(lab, "s1");
    checkResult(report, each, result, before === after);
  }
}

/** A daemon that should refuse to run; one that runs is stopped after a while. */
async function runShortly(
  lab: BypathLab,
  node: NodeName,
  args: readonly string[],
): Promise<CommandResult> {
  const process = lab.startSelf(node, args);
  const timer = setTimeout(() => process.kill("SIGTERM"), 10_000);
  const { code } = await process.ended;
  clearTimeout(timer);
  const text = (lines: readonly string[]) => lines.join("\n");
  return { code, stdout: text(process.stdout.lines), stderr: text(process.stderr.lines) };
}

function checkResult(
  report: Report,
  each: Omit<WrongCase, "config">,
  { code, stdout, stderr }: CommandResult,
  untouched: boolean,
): void {
  const lines = stderr.trim().split("\n").filter(Boolean);
  report.check(
    `${each.what}: one line, exit status ${each.exit}, nothing set up`,
    lines.length === 1 && stdout === "" && code === each.exit && untouched &&
      each.says.every((pattern) => pattern.test(lines[0] ?? "")),
    `exit status ${code}, ${lines.length} lines${untouched ? "" : ", something set up"}`,
  );
  report.aside(...lines.slice(0, 5));
}

/** What a daemon could leave on its machine: interfaces, routes, sockets in the lab's folder. */
async function setUp(lab: BypathLab, node: NodeName): Promise<string> {
  const links = await lab.lab.mustRun(node, ["ip", "-o", "link", "show"]);
  const names = links.split("\n").map((line) => line.split(" ")[1]).join(" ");
  // IPv6 routes come and go by themselves in a young namespace.
  const routes = await lab.lab.mustRun(node, ["ip", "-4", "route", "show", "table", "all"]);
  const sockets: string[] = [];
  for await (const entry of Deno.readDir(lab.folder)) {
    if (entry.name.endsWith(".sock")) sockets.push(entry.name);
  }
  return [names, routes, ...sockets.toSorted()].join("\n");
}
