import { identityOf, type ProcessIdentity } from "./process_identity.ts";

/**
 * What this program made on the host, written down before it is made, so that a later start can
 * take away what a killed one left, and nothing else.
 */
export interface LabRecord {
  readonly name: string;
  /** The process that the lab belongs to; null: it stays until `lab down`. */
  readonly owner: ProcessIdentity | null;
  readonly namespaces: readonly LabRecordNamespace[];
}

export interface LabRecordNamespace {
  readonly name: string;
  /**
   * Inode of the namespace; null while it is being made. A namespace of that name and another inode
   * is somebody else's.
   */
  readonly inode: number | null;
}

/** Every lab has a folder here, of its own name, with its record, configurations and keys. */
export const LABS_FOLDER = "/run/bypath/labs";

const RECORD = "lab.json";

export function labFolder(name: string): string {
  return `${LABS_FOLDER}/${name}`;
}

/** A record owned by this process. */
export function newRecord(name: string, namespaces: readonly string[]): LabRecord {
  return {
    name,
    owner: identityOf(Deno.pid),
    namespaces: namespaces.map((namespace) => ({ name: namespace, inode: null })),
  };
}

/** The record of a lab, or null when there is none of that name. */
export async function readRecord(name: string): Promise<LabRecord | null> {
  try {
    return JSON.parse(await Deno.readTextFile(`${labFolder(name)}/${RECORD}`)) as LabRecord;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return null;
    }
    // A record cut short by a crash of the host names nothing that could be removed.
    if (error instanceof SyntaxError) return { name, owner: null, namespaces: [] };
    throw error;
  }
}

/** Writes a record so that a reader finds the old one or the new one, never half of one. */
export async function writeRecord(record: LabRecord): Promise<void> {
  const folder = labFolder(record.name);
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const path = `${folder}/${RECORD}`;
  await Deno.writeTextFile(`${path}.new`, `${JSON.stringify(record, null, 2)}\n`);
  await Deno.rename(`${path}.new`, path);
}

export async function listRecords(): Promise<LabRecord[]> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(LABS_FOLDER)) {
      if (entry.isDirectory) names.push(entry.name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const records = await Promise.all(names.toSorted().map(readRecord));
  return records.filter((record) => record !== null);
}

/**
 * Runs `body` while no other process makes or removes labs. The folder itself is the lock, and it is
 * removed when the last lab is, so nothing stays on the host.
 */
export async function withLabsLocked<T>(body: () => Promise<T>): Promise<T> {
  using folder = await openLocked();
  try {
    return await body();
  } finally {
    folder.unlockSync();
    // Both fail, rightly, while something else is in there.
    await Deno.remove(LABS_FOLDER).then(() => Deno.remove("/run/bypath")).catch(() => {});
  }
}

async function openLocked(): Promise<Deno.FsFile> {
  for (;;) {
    await Deno.mkdir(LABS_FOLDER, { recursive: true, mode: 0o700 });
    let folder: Deno.FsFile;
    try {
      folder = await Deno.open(LABS_FOLDER);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue;
      throw error;
    }
    await folder.lock(true);
    // While this process waited, the holder may have removed the folder.
    const now = await Deno.stat(LABS_FOLDER).catch(() => null);
    if (now !== null && now.ino === (await folder.stat()).ino) return folder;
    folder.close();
  }
}
