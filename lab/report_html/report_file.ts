import { existsSync } from "node:fs";
import { LabUsageError } from "../options.ts";

/** The file that a report goes to: opened before anything starts, so that nothing is measured in vain. */
export class ReportFile implements Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #isNew: boolean;
  #isWritten = false;

  private constructor(path: string, file: Deno.FsFile, isNew: boolean) {
    this.#path = path;
    this.#file = file;
    this.#isNew = isNew;
  }

  /** @throws {LabUsageError} when it cannot be written */
  static open(path: string): ReportFile {
    const isNew = !existsSync(path);
    try {
      return new ReportFile(path, Deno.openSync(path, { write: true, create: true }), isNew);
    } catch (error) {
      throw new LabUsageError(
        `Cannot write the report to "${path}": ${(error as Error).message}, choose another file`,
      );
    }
  }

  /** Replaces what was in the file. */
  write(text: string): void {
    this.#file.truncateSync();
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
    this.#isWritten = true;
    console.error(`The report is in ${this.#path}`);
  }

  [Symbol.dispose](): void {
    this.#file.close();
    if (this.#isNew && !this.#isWritten) Deno.removeSync(this.#path);
  }
}
