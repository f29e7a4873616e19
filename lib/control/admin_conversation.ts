import {
  type AdminAnswer,
  AdminError,
  type AdminRequest,
  MAXIMUM_LINE_BYTES,
} from "./admin_protocol.ts";
import { readLines } from "./lines.ts";

/** The daemon has ended, or hung up, instead of answering. */
export class ConversationEnded extends AdminError {
  override name = "ConversationEnded";
}

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
    const line = await this.#exchange(JSON.stringify(request));
    if (line === null) throw new ConversationEnded("The daemon closed the connection");
    const answer = JSON.parse(line) as AdminAnswer;
    if ("event" in answer) throw new AdminError("the daemon answered out of turn");
    if (!answer.ok) throw new AdminError(answer.error, answer.exit);
    return answer.result;
  }

  /** Events until the daemon answers, and that answer. @throws {AdminError} as `ask` */
  async *follow(request: AdminRequest): AsyncGenerator<unknown, unknown> {
    let line = await this.#exchange(JSON.stringify(request));
    for (;;) {
      if (line === null) throw new ConversationEnded("the daemon closed the connection");
      const answer = JSON.parse(line) as AdminAnswer;
      if (!("event" in answer)) {
        if (!answer.ok) throw new AdminError(answer.error, answer.exit);
        return answer.result;
      }
      yield answer.event;
      line = await this.#next();
    }
  }

  /** Null when there is nobody any more. */
  async #exchange(line: string): Promise<string | null> {
    try {
      await this.#connection.write(new TextEncoder().encode(`${line}\n`));
    } catch {
      return null;
    }
    return await this.#next();
  }

  async #next(): Promise<string | null> {
    try {
      const { value, done } = await this.#answers.next();
      return done ? null : value;
    } catch {
      return null;
    }
  }

  [Symbol.dispose](): void {
    try {
      this.#connection.close();
    } catch {
      // Closed already by its stream.
    }
  }
}
