import type { BypathLab } from "./bypath_lab.ts";

/** Debian's libfaketime, by architecture. */
const LIBRARY_FOLDER = "/usr/lib";
const LIBRARY = "faketime/libfaketimeMT.so.1";

/**
 * A wall clock of the daemons' own, which can be stepped while they run: the host's stays as it is.
 * Clocks that nobody sets (CLOCK_MONOTONIC, CLOCK_BOOTTIME) go on as they do when an administrator
 * or NTP sets a host's.
 */
export class WallClock implements AsyncDisposable {
  readonly #lab: BypathLab;
  readonly #file: string;

  private constructor(lab: BypathLab, file: string) {
    this.#lab = lab;
    this.#file = file;
  }

  /**
   * For the daemons of the lab that are started from now on.
   *
   * @throws {Error} when the library is not on this host
   */
  static async install(lab: BypathLab): Promise<WallClock> {
    const library = await findLibrary();
    if (library === null) {
      throw new Error("Cannot step clocks: no libfaketime on this host, install faketime");
    }
    const clock = new WallClock(lab, `${lab.folder}/clock`);
    await clock.step("+0");
    lab.daemonEnvironment = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: clock.#file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
    return clock;
  }

  /** How far from the host's: `+5h`, `-3d`, `+20y`, `+0`. */
  async step(offset: string): Promise<void> {
    // Renamed into place: half a file would be a step of its own.
    await Deno.writeTextFile(`${this.#file}.new`, `${offset}\n`);
    await Deno.rename(`${this.#file}.new`, this.#file);
  }

  /** Daemons that are started from now on have the host's clock. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#lab.daemonEnvironment = {};
    return Promise.resolve();
  }
}

async function findLibrary(): Promise<string | null> {
  for await (const { name, isDirectory } of Deno.readDir(LIBRARY_FOLDER)) {
    if (!isDirectory || !name.includes("-linux-gnu")) continue;
    const path = `${LIBRARY_FOLDER}/${name}/${LIBRARY}`;
    if (await Deno.stat(path).then(() => true, () => false)) return path;
  }
  return null;
}
