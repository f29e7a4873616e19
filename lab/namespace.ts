import { haveIpv6 } from "./ipv6.ts";
import { HostCommandError, mustRunHost, runHost } from "./host_command.ts";
import {
  labFolder,
  type LabRecord,
  listRecords,
  newRecord,
  readRecord,
  withLabsLocked,
  writeRecord,
} from "./lab_record.ts";
import { LabUsageError } from "./options.ts";
import { namespaceOf, planLab } from "./plan.ts";
import { isAlive } from "./process_identity.ts";
import { TOPOLOGY, type Topology } from "./topology.ts";

/** The lab cannot be made, found or removed, for a reason that one line can tell. */
export class LabError extends Error {
  override readonly name = "LabError";
}

export interface LabUpOptions {
  /**
   * `process`: the lab belongs to this process; when it dies, the next start of any lab removes what
   * is left. `nobody`: the lab stays until `lab down`.
   */
  readonly owner: "process" | "nobody";
  readonly topology?: Topology;
}

/**
 * Makes the namespaces and links of a lab. Removes what dead owners left first. On failure nothing
 * of the new lab remains.
 *
 * @throws {LabError} when a lab or a namespace of that name exists, or `ip` refuses
 */
export async function labUp(name: string, options: LabUpOptions): Promise<void> {
  checkLabName(name);
  const plan = planLab(name, options.topology ?? TOPOLOGY, { ipv6: haveIpv6() });
  await withLabsLocked(async () => {
    await removeLeftovers();
    const other = await readRecord(name);
    if (other !== null) {
      const holder = other.owner === null ? "" : `, it belongs to process ${other.owner.pid}`;
      throw new LabError(`Cannot make lab "${name}": it exists${holder}`);
    }
    const taken = await Promise.all(plan.namespaces.map(inodeOf));
    const stranger = plan.namespaces.find((_, index) => taken[index] !== null);
    if (stranger !== undefined) {
      throw new LabError(
        `Cannot make lab "${name}": a network namespace "${stranger}" exists that is not the lab's, ` +
          `choose another name with --name`,
      );
    }
    let record = newRecord(name, plan.namespaces);
    await writeRecord(record);
    try {
      for (const namespace of plan.namespaces) await mustRunHost(["ip", "netns", "add", namespace]);
      for (const node of plan.nodes) {
        const script = node.settings
          .map(([path, value]) => `[ ! -e /proc/sys/${path} ] || echo ${value} > /proc/sys/${path}`)
          .join("\n");
        await mustRunHost(["ip", "netns", "exec", node.namespace, "sh", "-e", "-c", script]);
      }
      await batch([], plan.links);
      for (const node of plan.nodes) await batch(["-n", node.namespace], node.commands);
      record = {
        ...record,
        owner: options.owner === "nobody" ? null : record.owner,
        namespaces: await Promise.all(
          plan.namespaces.map(async (each) => ({ name: each, inode: await inodeOf(each) })),
        ),
      };
      await writeRecord(record);
    } catch (error) {
      await remove(record);
      if (error instanceof HostCommandError) {
        throw new LabError(`Cannot make lab "${name}": ${error.message}`, { cause: error });
      }
      throw error;
    }
  });
}

/**
 * Ends every process in the lab's namespaces, removes the namespaces and the lab's folder.
 *
 * @returns whether there was a lab of that name
 */
export async function labDown(name: string): Promise<boolean> {
  checkLabName(name);
  return await withLabsLocked(async () => {
    const record = await readRecord(name);
    if (record === null) return false;
    await remove(record);
    return true;
  });
}

/** Removes the labs whose owners are dead; for callers that make no lab themselves. */
export async function sweepLabs(): Promise<string[]> {
  return await withLabsLocked(removeLeftovers);
}

/** Processes whose network namespace is that of the node. */
export async function processesIn(namespace: string): Promise<number[]> {
  const inode = await inodeOf(namespace);
  return inode === null ? [] : processesOf([inode]);
}

/** As `ip netns pids` does, without a program that a signal could end in the middle of cleaning up. */
function processesOf(inodes: readonly number[]): number[] {
  const pids: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const { ino } = Deno.statSync(`/proc/${name}/ns/net`);
      if (ino !== null && inodes.includes(ino)) pids.push(Number(name));
    } catch {
      // It has just ended.
    }
  }
  return pids;
}

export { namespaceOf };

/**
 * The names go into namespace names and file paths.
 *
 * @throws {LabUsageError} when it cannot be the name of a lab
 */
export function checkLabName(name: string): void {
  if (!/^[a-z][a-z0-9-]{0,30}$/.test(name)) {
    throw new LabUsageError(
      `Cannot use "${name}" as the name of a lab: lower case letters, digits and "-", a letter first, ` +
        `31 characters at most`,
    );
  }
}

async function batch(options: string[], lines: readonly string[]): Promise<void> {
  await mustRunHost(["ip", ...options, "-batch", "-"], { input: `${lines.join("\n")}\n` });
}

async function removeLeftovers(): Promise<string[]> {
  const removed: string[] = [];
  for (const record of await listRecords()) {
    if (record.owner === null || isAlive(record.owner)) continue;
    await remove(record);
    removed.push(record.name);
  }
  return removed;
}

async function remove(record: LabRecord): Promise<void> {
  const ours = new Map<string, number>();
  for (const { name, inode } of record.namespaces) {
    const present = await inodeOf(name);
    if (present !== null && (inode === null || inode === present)) ours.set(name, present);
  }
  await endProcesses([...ours.values()]);
  for (const namespace of ours.keys()) await deleteNamespace(namespace);
  await Deno.remove(labFolder(record.name), { recursive: true }).catch(ignoreNotFound);
}

/** Again, when it did not work: a second Ctrl-C reaches `ip` as well. */
async function deleteNamespace(namespace: string): Promise<void> {
  for (let attempt = 1;; attempt++) {
    const { code, stderr } = await runHost(["ip", "netns", "delete", namespace]);
    if (code === 0 || await inodeOf(namespace) === null) return;
    if (attempt === 5) {
      throw new LabError(`Cannot remove network namespace "${namespace}": ${stderr.trim()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** SIGTERM, two seconds of patience, SIGKILL; returns when none is left. */
async function endProcesses(inodes: readonly number[]): Promise<void> {
  const started = performance.now();
  for (let round = 0;; round++) {
    const pids = processesOf(inodes).filter((pid) => pid !== Deno.pid);
    if (pids.length === 0) return;
    const elapsedMs = performance.now() - started;
    if (elapsedMs > 10_000) {
      throw new LabError(`Cannot end process ${pids[0]} of the lab: it does not die`);
    }
    const signal = elapsedMs > 2_000 ? "SIGKILL" : round === 0 ? "SIGTERM" : null;
    if (signal !== null) { for (const pid of pids) tryKill(pid, signal); }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function tryKill(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The inode of a named network namespace, or null when there is none. */
async function inodeOf(namespace: string): Promise<number | null> {
  try {
    return (await Deno.stat(`/run/netns/${namespace}`)).ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function ignoreNotFound(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
