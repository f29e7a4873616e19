import { existsSync } from "node:fs";

/**
 * For as long as a self-unpacking executable is tried out: what it unpacks below /var/cache is
 * removed afterwards, unless it was there before.
 */
export class UnpackedOnce implements Disposable {
  readonly #folder: string | null;

  constructor(executable: string) {
    const folder = unpackedFolder(executable);
    this.#folder = folder !== null && !existsSync(folder) ? folder : null;
  }

  [Symbol.dispose](): void {
    if (this.#folder !== null && existsSync(this.#folder)) {
      Deno.removeSync(this.#folder, { recursive: true });
    }
  }
}

/** Where root's start of `executable` unpacks it; null for one that does not unpack itself. */
function unpackedFolder(executable: string): string | null {
  using file = Deno.openSync(executable);
  const start = new Uint8Array(1000);
  file.readSync(start);
  const payload = /^payload=([0-9a-f]{64})$/m.exec(new TextDecoder().decode(start));
  return payload && `/var/cache/bypath/${payload[1]}`;
}
