import { AdminError, type AdminRequest } from "./admin_protocol.ts";
import { type AdminAnswer, MAXIMUM_LINE_BYTES } from "./admin_protocol.ts";
import { readLines } from "./lines.ts";

/** Several requests on one connection: the daemon notices when whoever asks has gone. */
export class AdminConversation implements Disposable {
  readonly #connection: Deno.UnixConn;
  readonly #answers: AsyncIterator<string>;

  private constructor(connection: Deno.UnixConn) {
    this.#connection = connection;
    this.#answers = readLines(connection.readable, MAXIMUM_LINE_BYTES)[Symbol.asyncIterator]();
  }

  /** Null when nobody answers at that path. @throws {Error} when it must not be used */
  static async open(path: string): Promise<AdminConversation | null> {
    try {
      return new AdminConversation(await Deno.connect({ transport: "unix", path }));
    } catch (error) {
      const isNobody = error instanceof Deno.errors.NotFound ||
        error instanceof Deno.errors.ConnectionRefused;
      if (isNobody) return null;
      throw error;
    }
  }

  /** @throws {AdminError} with the daemon's words, or when it is gone */
  async ask(request: AdminRequest): Promise<unknown> {
    await this.#connection.write(new TextEncoder().encode(JSON.stringify(request) + "\n"));
    const { value, done } = await this.#answers.next();
    if (done) throw new AdminError("the daemon closed the connection");
    const answer = JSON.parse(value) as AdminAnswer;
    if ("event" in answer) throw new AdminError("the daemon answered out of turn");
    if (!answer.ok) throw new AdminError(answer.error, answer.exit);
    return answer.result;
  }

  [Symbol.dispose](): void {
    try {
      this.#connection.close();
    } catch {
      // Closed already by its stream.
    }
  }
}
