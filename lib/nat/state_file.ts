import { gatherHugePages, mapFile, type Mapping } from "../linux/memory.ts";
import { type FileLock, lockFile } from "../linux/file_lock.ts";
import { HEADER, RECORD_BYTES, recordsOffset, regionBytes } from "../session/layout.ts";
import { convertTable } from "../session/table_conversion.ts";
import { formatTable, SessionRecords, whyNotATable } from "../session/session_records.ts";

/** The session table of a NAT machine, mapped from its file and held against a second process. */
export interface StateFile extends Disposable {
  readonly mapping: Mapping;
  readonly records: SessionRecords;
  /** To be passed on to a process that takes the table over. */
  readonly lock: FileLock;
  /** From now on others find this table; until then a process that it is taken over from may go on with its own. */
  commit(): void;
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
  /** Takes the table over from a process that holds it; nobody else sees a change before `commit`. */
  readonly from?: { readonly path: string; readonly lock: FileLock };
}

/**
 * Opens the table at `path`, or makes a new one in its place where there is none, or none that can
 * be gone on with (another version, the host was restarted since). One of another capacity is
 * copied.
 *
 * @throws {Error} when another process holds it, or it cannot be written, or its sessions do not fit
 */
export function openStateFile(path: string, options: StateFileOptions): StateFile {
  Deno.mkdirSync(path.replace(/\/[^/]*$/, "") || "/", { recursive: true, mode: 0o700 });
  const { from } = options;
  // The lock's file stays when the process ends.
  const earlier = isThere(`${path}.lock`) || isThere(path);
  using held = new DisposableStack();
  // A table that moves needs the lock of its new place as well.
  const isMoved = from !== undefined && from.path !== path;
  if (from !== undefined) held.use(from.lock);
  const lock = from === undefined || isMoved ? held.use(lockFile(`${path}.lock`)) : from.lock;
  const made = `${path}.new`;
  const source = from?.path ?? path;
  const existing = openExisting(source, options);
  if (from !== undefined && (existing === null || typeof existing === "string")) {
    throw new Error(`Cannot take over "${source}": ${existing ?? "it is not there"}`);
  }
  const state = (mapping: Mapping, isNew: boolean, replaced: string | null) => {
    let isPending = isNew;
    const commit = () => {
      if (isPending) Deno.renameSync(made, path);
      isPending = false;
      new Int32Array(mapping.buffer, 0, 64)[HEADER.pid] = Deno.pid;
      if (isMoved) copyIfThere(`${source}.operator`, `${path}.operator`);
    };
    if (from === undefined) commit();
    else held.defer(() => isPending && removeIfThere(made));
    held.use(mapping);
    const history = { earlier, continued: existing === mapping || copied, replaced };
    return stateFile(mapping, held.move(), { ...history, lock, commit });
  };
  let copied = false;
  if (existing !== null && typeof existing !== "string") {
    if (capacityOf(existing) === options.capacity && !isMoved) return state(existing, false, null);
    held.use(existing);
    const mapping = makeFile(made, options.capacity);
    convertTable(existing.buffer, mapping.buffer, options.capacity);
    copied = true;
    return state(mapping, true, null);
  }
  // A new file in its place, not the old one emptied: somebody may have it mapped.
  const mapping = makeFile(made, options.capacity);
  formatTable(mapping.buffer, options.capacity, {
    epoch: Math.floor(options.random() * 2 ** 48) + 1,
    bootId: options.bootId,
  });
  return state(mapping, true, existing);
}

function makeFile(path: string, capacity: number): Mapping {
  removeIfThere(path);
  const lengthBytes = regionBytes(capacity);
  const how = { writable: true, create: true, reserve: true, aligned: true };
  const mapping = mapFile(path, { lengthBytes, ...how });
  // Records are used at random. Where there are no huge pages a lookup takes longer, and that is all.
  gatherHugePages(mapping, recordsOffset(), capacity * RECORD_BYTES);
  return mapping;
}

function capacityOf({ buffer }: Mapping): number {
  return new Int32Array(buffer, 0, 64)[HEADER.capacity]!;
}

/** The mapping, null when there is no file, or why it cannot be gone on with. */
function openExisting(path: string, options: StateFileOptions): Mapping | string | null {
  let mapping: Mapping;
  try {
    if (Deno.statSync(path).size === 0) return "it is empty";
    mapping = mapFile(path, { writable: true, aligned: true });
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
  for (let i = 0; i < 4; i++) {
    if (header[HEADER.bootId + i] !== (options.bootId[i] ?? 0)) return HOST_RESTARTED;
  }
  return null;
}

function stateFile(
  mapping: Mapping,
  held: DisposableStack,
  rest: Pick<StateFile, "earlier" | "continued" | "replaced" | "lock" | "commit">,
): StateFile {
  return {
    mapping,
    records: new SessionRecords(mapping.buffer),
    ...rest,
    [Symbol.dispose]: () => held.dispose(),
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

function copyIfThere(from: string, to: string): void {
  if (isThere(from)) Deno.copyFileSync(from, to);
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
