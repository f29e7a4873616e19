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

  constructor(connection: Deno.Conn, bufferBytes = MAX_HEAD_BYTES) {
    this.#connection = connection;
    this.#buffer = new Uint8Array(Math.max(bufferBytes, MAX_HEAD_BYTES));
  }

  /**
   * The next head, or null when the connection ends before one.
   *
   * @throws {Error} when it ends inside one, or the head is too long
   */
  async readHead(): Promise<HttpHead | null> {
    for (;;) {
      const text = new TextDecoder("latin1").decode(this.#buffer.subarray(this.#start, this.#end));
      const length = text.indexOf("\r\n\r\n");
      if (length >= 0) {
        this.#start += length + 4;
        return parseHead(text.slice(0, length));
      }
      if (text.length >= MAX_HEAD_BYTES) throw new Error("Cannot read HTTP: the head is too long");
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
      const count = await this.#connection.read(this.#buffer.subarray(this.#end));
      if (count === null) {
        if (this.#end === 0) return null;
        throw new Error("Cannot read HTTP: the connection ended inside a head");
      }
      this.#end += count;
    }
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
