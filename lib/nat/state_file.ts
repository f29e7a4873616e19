import { mapFile, type Mapping } from "../linux/memory.ts";
import { type FileLock, lockFile } from "../linux/file_lock.ts";
import { HEADER, regionBytes } from "../session/layout.ts";
import { formatTable, SessionRecords, whyNotATable } from "../session/session_table.ts";

/** The session table of a NAT machine, mapped from its file and held against a second process. */
export interface StateFile extends Disposable {
  readonly mapping: Mapping;
  readonly records: SessionRecords;
  /** Sessions were there already: an earlier process left them. */
  readonly continued: boolean;
  /** An earlier process had a table at this path, whether or not anything is left of it. */
  readonly earlier: boolean;
  /** Why an existing file was not continued, or null. */
  readonly replaced: string | null;
}

/** A reason why a file is not gone on with: the agents' leases have run since before. */
export const HOST_RESTARTED = "the host was restarted";

export interface StateFileOptions {
  readonly capacity: number;
  /** Identifies this run of the host: boot times of another run mean nothing. */
  readonly bootId: readonly number[];
  readonly random: () => number;
}

/**
 * Opens the table at `path`, or makes a new one in its place where there is none, or none that can
 * be gone on with (another version, another capacity, the host was restarted since).
 *
 * @throws {Error} when another process holds it, or it cannot be written
 */
export function openStateFile(path: string, options: StateFileOptions): StateFile {
  Deno.mkdirSync(path.replace(/\/[^/]*$/, "") || "/", { recursive: true, mode: 0o700 });
  // The lock's file stays when the process ends.
  const earlier = isThere(`${path}.lock`) || isThere(path);
  const lock = lockFile(`${path}.lock`);
  try {
    const existing = openExisting(path, options);
    if (typeof existing !== "string" && existing !== null) {
      return stateFile(existing, lock, { earlier, continued: true, replaced: null });
    }
    // A new file in its place, not the old one emptied: somebody may have it mapped.
    const made = `${path}.new`;
    removeIfThere(made);
    const lengthBytes = regionBytes(options.capacity);
    const mapping = mapFile(made, { lengthBytes, writable: true, create: true, reserve: true });
    formatTable(mapping.buffer, options.capacity, {
      epoch: Math.floor(options.random() * 2 ** 48) + 1,
      bootId: options.bootId,
    });
    Deno.renameSync(made, path);
    return stateFile(mapping, lock, { earlier, continued: false, replaced: existing });
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

/** The mapping, null when there is no file, or why it cannot be gone on with. */
function openExisting(path: string, options: StateFileOptions): Mapping | string | null {
  let mapping: Mapping;
  try {
    if (Deno.statSync(path).size === 0) return "it is empty";
    mapping = mapFile(path, { writable: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  const why = whyNotATable(mapping.buffer) ?? otherTable(mapping.buffer, options);
  if (why === null) return mapping;
  mapping[Symbol.dispose]();
  return why;
}

function otherTable(region: ArrayBuffer, options: StateFileOptions): string | null {
  const header = new Int32Array(region, 0, 64);
  if (header[HEADER.capacity] !== options.capacity) {
    return `it holds ${header[HEADER.capacity]} sessions, not ${options.capacity}`;
  }
  for (let i = 0; i < 4; i++) {
    if (header[HEADER.bootId + i] !== (options.bootId[i] ?? 0)) return HOST_RESTARTED;
  }
  return null;
}

function stateFile(
  mapping: Mapping,
  lock: FileLock,
  history: Pick<StateFile, "earlier" | "continued" | "replaced">,
): StateFile {
  const records = new SessionRecords(mapping.buffer);
  records.header[HEADER.pid] = Deno.pid;
  return {
    mapping,
    records,
    ...history,
    [Symbol.dispose]() {
      lock[Symbol.dispose]();
      mapping[Symbol.dispose]();
    },
  };
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** This run of the host, from /proc/sys/kernel/random/boot_id, as four words. */
export function bootId(): number[] {
  const hex = Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").replaceAll("-", "").trim();
  return [0, 8, 16, 24].map((at) => parseInt(hex.slice(at, at + 8), 16) | 0);
}
