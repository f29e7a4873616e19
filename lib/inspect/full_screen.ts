/**
 * The whole terminal: keys as they are pressed, another size as it comes, and the terminal as it was on
 * every way out.
 *
 * @module
 */
import { AdminError } from "../control/admin_protocol.ts";
import { keysIn } from "./keys.ts";

/** xterm's control sequences: the alternate screen, the cursor, wrapping at the right edge. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l";
const END_SIGNALS = ["SIGTERM", "SIGHUP", "SIGINT"] as const;

/** What happens on a screen. */
export type ScreenEvent =
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "resize" }
  /** The terminal has gone, or a signal ends the program. */
  | { readonly kind: "end" };

/** Taken from the terminal until disposed of. */
export class FullScreen implements Disposable {
  readonly #tell: (event: ScreenEvent) => void;
  readonly #encoder = new TextEncoder();
  readonly #resized = () => this.#tell({ kind: "resize" });
  readonly #ended = () => this.#tell({ kind: "end" });
  #isTaken = false;

  /** @throws {AdminError} unless there is a terminal to take */
  static check(): void {
    if (Deno.stdin.isTerminal() && Deno.stdout.isTerminal()) return;
    throw new AdminError(
      'Cannot show "top": stdin and stdout must be a terminal, ' +
        "use bypath inspect sessions --watch elsewhere",
      2,
    );
  }

  constructor(tell: (event: ScreenEvent) => void) {
    this.#tell = tell;
    for (const signal of END_SIGNALS) Deno.addSignalListener(signal, this.#ended);
    Deno.addSignalListener("SIGWINCH", this.#resized);
    this.#take();
    this.#read();
  }

  /** As it is now; what says that it has no size is taken for 80 x 24. */
  get size(): { readonly columns: number; readonly lines: number } {
    try {
      const { columns, rows } = Deno.consoleSize();
      return { columns: columns || 80, lines: rows || 24 };
    } catch {
      return { columns: 80, lines: 24 };
    }
  }

  /** Shows these lines, which fit, in place of all that was shown. */
  show(lines: readonly string[]): void {
    // Erased before it is written: after a line that is full, what is erased is its last character.
    this.#write(`\x1b[H${lines.map((line) => `\x1b[K${line}`).join("\r\n")}`);
  }

  /** Ctrl-Z: the shell has the terminal until it lets this program go on. */
  suspend(): void {
    this.#give();
    // All of the job, as the terminal would have done: what started this program may stand in between.
    Deno.kill(0, "SIGTSTP");
    this.#take();
    this.#tell({ kind: "resize" });
  }

  [Symbol.dispose](): void {
    for (const signal of END_SIGNALS) Deno.removeSignalListener(signal, this.#ended);
    Deno.removeSignalListener("SIGWINCH", this.#resized);
    this.#give();
  }

  #take(): void {
    Deno.stdin.setRaw(true);
    this.#isTaken = true;
    this.#write(ENTER);
  }

  #give(): void {
    if (!this.#isTaken) return;
    this.#isTaken = false;
    this.#write(LEAVE);
    try {
      Deno.stdin.setRaw(false);
    } catch {
      // The terminal has gone.
    }
  }

  async #read(): Promise<void> {
    const bytes = new Uint8Array(256);
    try {
      for (;;) {
        const count = await Deno.stdin.read(bytes);
        if (count === null) break;
        for (const key of keysIn(bytes.subarray(0, count))) this.#tell({ kind: "key", key });
      }
    } catch {
      // The terminal has gone.
    }
    this.#tell({ kind: "end" });
  }

  #write(text: string): void {
    let rest = this.#encoder.encode(text);
    try {
      while (rest.length > 0) rest = rest.subarray(Deno.stdout.writeSync(rest));
    } catch {
      this.#tell({ kind: "end" });
    }
  }
}
