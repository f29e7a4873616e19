import { TextLineStream } from "./text_line_stream.ts";

/** More lines than this and the oldest go: programs of the lab may run for hours. */
const MAX_LINES = 20_000;

/** The lines of a stream as they come, for those who look later and those who wait. */
export class LineBuffer {
  readonly #lines: string[] = [];
  #seen = 0;
  #ended = false;
  #wake = Promise.withResolvers<void>();

  /** What is kept of the lines so far, oldest first. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** How many lines there were so far: a mark for `find`. */
  get seen(): number {
    return this.#seen;
  }

  async readFrom(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    try {
      const lines = stream.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
      for await (const line of lines) this.#add(line);
    } finally {
      this.#ended = true;
      this.#wakeAll();
    }
  }

  /**
   * The first line that matches, among those kept since the mark `after` and those to come; null when
   * the stream ends or the time is over.
   */
  async find(
    matches: (line: string) => boolean,
    options: { readonly timeoutMs: number; readonly after?: number },
  ): Promise<string | null> {
    const { timeoutMs, after = 0 } = options;
    let checked = Math.max(after, this.#seen - this.#lines.length);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#wakeAll();
    }, timeoutMs);
    try {
      for (;;) {
        const first = this.#seen - this.#lines.length;
        for (; checked < this.#seen; checked++) {
          const line = this.#lines[Math.max(0, checked - first)];
          if (line !== undefined && matches(line)) return line;
        }
        if (late || this.#ended) return null;
        await this.#wake.promise;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #add(line: string): void {
    this.#lines.push(line);
    this.#seen++;
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
    this.#wakeAll();
  }

  /** The next wait must find a new promise, else it would spin on the settled one. */
  #wakeAll(): void {
    const wake = this.#wake;
    this.#wake = Promise.withResolvers<void>();
    wake.resolve();
  }
}
