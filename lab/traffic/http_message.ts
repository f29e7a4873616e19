/** The little of HTTP/1.1 (RFC 9112) that a download needs. */

export interface HttpHead {
  /** Request line or status line. */
  readonly firstLine: string;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Small, because ten thousand idle connections hold one each. */
const MAX_HEAD_BYTES = 4 * 1024;

/** Reads heads and bodies from a connection, whose bytes do not come cut at their borders. */
export class HttpReader {
  readonly #connection: Deno.Conn;
  readonly #buffer: Uint8Array<ArrayBuffer>;
  #start = 0;
  #end = 0;
  #more: Promise<boolean> | null = null;

  constructor(connection: Deno.Conn, bufferBytes = MAX_HEAD_BYTES) {
    this.#connection = connection;
    this.#buffer = new Uint8Array(Math.max(bufferBytes, MAX_HEAD_BYTES));
  }

  /**
   * The next head, or null when the connection ends before one. Empty lines before it are passed over (RFC 9112,
   * 2.2).
   *
   * @throws {Error} when it ends inside one, or the head is too long
   */
  async readHead(): Promise<HttpHead | null> {
    for (;;) {
      this.#skipEmptyLines();
      const text = new TextDecoder("latin1").decode(this.#buffer.subarray(this.#start, this.#end));
      const length = text.indexOf("\r\n\r\n");
      if (length >= 0) {
        this.#start += length + 4;
        return parseHead(text.slice(0, length));
      }
      if (text.length >= MAX_HEAD_BYTES) throw new Error("Cannot read HTTP: the head is too long");
      if (await this.more()) continue;
      if (this.#start === this.#end) return null;
      throw new Error("Cannot read HTTP: the connection ended inside a head");
    }
  }

  /**
   * Waits for bytes beyond those that were read, which the next head begins with; false at the end of the connection.
   * Not while a body is being read.
   */
  more(): Promise<boolean> {
    return this.#more ??= this.#fill().finally(() => this.#more = null);
  }

  /** The next piece of a body, at most `limitBytes`, valid until the next call; null at the end. */
  async readPiece(limitBytes: number): Promise<Uint8Array<ArrayBuffer> | null> {
    if (this.#start === this.#end) {
      const count = await this.#connection.read(this.#buffer);
      if (count === null) return null;
      this.#start = 0;
      this.#end = count;
    }
    const end = Math.min(this.#end, this.#start + limitBytes);
    const piece = this.#buffer.subarray(this.#start, end);
    this.#start = end;
    return piece;
  }

  async #fill(): Promise<boolean> {
    this.#buffer.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
    const count = await this.#connection.read(this.#buffer.subarray(this.#end));
    this.#end += count ?? 0;
    return count !== null;
  }

  #skipEmptyLines(): void {
    while (
      this.#end - this.#start >= 2 && this.#buffer[this.#start] === 0x0d &&
      this.#buffer[this.#start + 1] === 0x0a
    ) this.#start += 2;
  }
}

export async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function parseHead(text: string): HttpHead {
  const [firstLine = "", ...lines] = text.split("\r\n");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { firstLine, headers };
}
