import { DICTIONARY_ENTRIES } from "../session/layout.ts";
import type { PassiveSigns } from "../policy/health_passive.ts";

const FIELDS = 4;
const ANSWERED = 0;
const REFUSED = 1;
const SILENT = 2;
/** Of the client whose session counted as silent last; the packet worker's own. */
const LAST_CLIENT = 3;

/**
 * How servers answer those who open sessions, counted by the packet worker in memory that the main thread reads: four
 * words for each endpoint of the session table's dictionary, so that no reload moves them.
 */
export class ServerSigns {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(
    buffer: SharedArrayBuffer = new SharedArrayBuffer(DICTIONARY_ENTRIES * FIELDS * 4),
  ) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
  }

  answered(server: number): void {
    this.#words[server * FIELDS + ANSWERED]!++;
  }

  refused(server: number): void {
    this.#words[server * FIELDS + REFUSED]!++;
  }

  /** @param client its address (4 words): one client alone may be the cause itself, and counts once */
  silent(server: number, client: Int32Array): void {
    const at = server * FIELDS;
    // The rest of an IPv6 address is for its holder to choose.
    const name = client[0] === 0 && client[1] === 0 ? client[3]! : client[0]! ^ client[1]!;
    if (this.#words[at + LAST_CLIENT] === name) return;
    this.#words[at + LAST_CLIENT] = name;
    this.#words[at + SILENT]!++;
  }

  /** Since the machine started; wraps around at 2^32. */
  read(server: number): PassiveSigns {
    const at = server * FIELDS;
    return {
      answered: this.#words[at + ANSWERED]! >>> 0,
      refused: this.#words[at + REFUSED]! >>> 0,
      silent: this.#words[at + SILENT]! >>> 0,
    };
  }
}

/** What several workers counted, as if it had been one. */
export function sumSigns(workers: readonly ServerSigns[]): Pick<ServerSigns, "read"> {
  return {
    read: (server) => {
      const sum = { answered: 0, refused: 0, silent: 0 };
      for (const worker of workers) {
        const { answered, refused, silent } = worker.read(server);
        sum.answered = (sum.answered + answered) >>> 0;
        sum.refused = (sum.refused + refused) >>> 0;
        sum.silent = (sum.silent + silent) >>> 0;
      }
      return sum;
    },
  };
}
