import { readInterfaceCounters } from "./counters.ts";
import { haveIpv6 } from "./ipv6.ts";
import { labFolder, readRecord } from "./lab_record.ts";
import { HTTP_PORT, listenArguments, writeLabFiles } from "./lab_files.ts";
import { checkLabName, labDown, LabError, labUp, namespaceOf, processesIn } from "./namespace.ts";
import { DEFAULT_LAB_NAME, type LabCommandOptions } from "./options.ts";
import { requireLabPrivileges } from "./privileges.ts";
import { alignColumns, formatCount, paletteFor } from "./terminal.ts";
import { selfCommand } from "../lib/datapath/self_command.ts";
import { ADDRESSES, ADDRESSES6, NODE_NAMES, type NodeName, TOPOLOGY } from "./topology.ts";

/** `bypath lab up`: a lab that stays until `lab down`. */
export async function up(options: LabCommandOptions): Promise<number> {
  requireLabPrivileges();
  const name = options.name ?? DEFAULT_LAB_NAME;
  await deafTo(["SIGINT", "SIGTERM"], async () => {
    await labUp(name, { owner: "nobody" });
    try {
      await writeLabFiles(labFolder(name));
    } catch (error) {
      await labDown(name);
      throw error;
    }
  });
  const code = await status(options);
  if (!options.json) tellHowToStart(name);
  return code;
}

/** What to type next, with this very program. */
function tellHowToStart(name: string): void {
  const self = selfCommand().join(" ");
  const folder = labFolder(name);
  const exec = (node: NodeName, command: string) =>
    `  ${self} lab exec${nameOption(name)} ${node} -- ${command}`;
  const file = "bytes/100000000";
  console.error([
    "",
    `Keys and configurations are in ${folder}. To start the machines by hand:`,
    exec("s1", `${self} lab traffic http-server ${listenArguments("s1", HTTP_PORT).join(" ")}`),
    exec("nat", `${self} nat run --config ${folder}/nat.yaml`),
    exec("s1", `${self} agent run --config ${folder}/s1.yaml`),
    exec("client", `${self} lab traffic http-get http://${ADDRESSES.vip}/${file}`),
    ...(haveIpv6()
      ? [exec("client", `${self} lab traffic http-get http://[${ADDRESSES6.vip}]/${file}`)]
      : []),
    `  ${self} inspect sessions --socket ${folder}/nat.sock`,
  ].join("\n"));
}

/** `bypath lab down`: ends what runs in the lab and removes it. */
export async function down(options: LabCommandOptions): Promise<number> {
  requireLabPrivileges();
  const name = options.name ?? DEFAULT_LAB_NAME;
  if (!await labDown(name)) throw noSuchLab(name);
  console.error(`Lab "${name}" is removed`);
  return 0;
}

/** `bypath lab status`: its machines, addresses, processes and interface counters. */
export async function status(options: LabCommandOptions): Promise<number> {
  const name = options.name ?? DEFAULT_LAB_NAME;
  checkLabName(name);
  if (await readRecord(name) === null) throw noSuchLab(name);
  requireLabPrivileges();
  const nodes = await Promise.all(TOPOLOGY.nodes.map((node) => nodeStatus(name, node.name)));
  if (options.json) {
    console.log(JSON.stringify({ name, folder: labFolder(name), nodes }, null, 2));
    return 0;
  }
  const rows = nodes.flatMap((node) =>
    node.interfaces.map((each, index) => [
      index === 0 ? node.name : "",
      each.device,
      each.address,
      formatCount(each.rxBytes),
      formatCount(each.txBytes),
      index === 0 ? node.processes.map((process) => process.command).join(", ") : "",
    ])
  );
  const heading = ["node", "device", "address", "rx bytes", "tx bytes", "processes"];
  const [first = "", ...rest] = alignColumns([heading, ...rows], { heading: true });
  console.log(paletteFor(Deno.stdout).bold(first));
  for (const line of rest) console.log(line);
  return 0;
}

/** `bypath lab exec NODE -- CMD…`: the command's exit status becomes ours. */
export async function exec(options: LabCommandOptions): Promise<number> {
  const name = options.name ?? DEFAULT_LAB_NAME;
  const [node, ...argv] = options.args ?? [];
  if (node === undefined || argv.length === 0) {
    console.error(
      "Cannot run a command in the lab: give a machine and a command, " +
        "such as: bypath lab exec s1 -- ip address",
    );
    return 2;
  }
  if (!NODE_NAMES.includes(node as NodeName)) {
    console.error(`Cannot enter "${node}": the lab has ${NODE_NAMES.join(", ")}`);
    return 2;
  }
  checkLabName(name);
  if (await readRecord(name) === null) throw noSuchLab(name);
  requireLabPrivileges();
  // The terminal's Ctrl-C reaches the command too: it decides.
  return await deafTo(["SIGINT", "SIGQUIT"], async () => {
    const { code } = await new Deno.Command("ip", {
      args: ["netns", "exec", namespaceOf(name, node as NodeName), ...argv],
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn().status;
    return code;
  });
}

interface NodeStatus {
  readonly name: NodeName;
  readonly namespace: string;
  readonly interfaces: readonly InterfaceStatus[];
  readonly processes: readonly { readonly pid: number; readonly command: string }[];
}

interface InterfaceStatus {
  readonly device: string;
  /** Its first address, empty for a port of the bridge. */
  readonly address: string;
  readonly rxBytes: number;
  readonly txBytes: number;
}

async function nodeStatus(lab: string, name: NodeName): Promise<NodeStatus> {
  const namespace = namespaceOf(lab, name);
  const node = TOPOLOGY.nodes.find((each) => each.name === name);
  const interfaces = await Promise.all((node?.interfaces ?? []).map(async (each) => {
    const { rxBytes, txBytes } = await readInterfaceCounters(namespace, each.device);
    return { device: each.device, address: each.addresses[0] ?? "", rxBytes, txBytes };
  }));
  const processes = (await processesIn(namespace)).map((pid) => ({ pid, command: commandOf(pid) }));
  return { name, namespace, interfaces, processes };
}

/** The program's name as the kernel shows it. */
function commandOf(pid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/comm`).trim();
  } catch {
    return "?";
  }
}

function noSuchLab(name: string): LabError {
  return new LabError(
    `Cannot find lab "${name}": it is not up, start it with \`bypath lab up${nameOption(name)}\``,
  );
}

function nameOption(name: string): string {
  return name === DEFAULT_LAB_NAME ? "" : ` --name ${name}`;
}

/** Runs `body` without being ended by these signals. */
async function deafTo<T>(signals: readonly Deno.Signal[], body: () => Promise<T>): Promise<T> {
  const listener = () => {};
  for (const signal of signals) Deno.addSignalListener(signal, listener);
  try {
    return await body();
  } finally {
    for (const signal of signals) Deno.removeSignalListener(signal, listener);
  }
}
