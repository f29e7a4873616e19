import {
  type AdminAnswer,
  AdminError,
  type AdminRequest,
  MAXIMUM_REQUEST_BYTES,
} from "./admin_protocol.ts";
import { readLines } from "./lines.ts";

/** Answers one request; `follow` sends further events until `signal` is aborted. */
export type AdminHandler = (
  request: AdminRequest,
  stream: { follow(event: unknown): Promise<void>; readonly signal: AbortSignal },
) => unknown | Promise<unknown>;

/**
 * The socket by which a daemon is asked and told. Mode 0600: whoever may write to it may command
 * the daemon. A socket left by a killed process is replaced, one that somebody answers is not.
 */
export class AdminServer implements AsyncDisposable {
  readonly #listener: Deno.UnixListener;
  #path: string;
  /** Where `takePlace` moves it to. */
  #place = "";
  #isLeft = false;
  readonly #connections = new Set<Deno.UnixConn>();

  private constructor(listener: Deno.UnixListener, path: string, handler: AdminHandler) {
    this.#listener = listener;
    this.#path = path;
    this.#accept(handler);
  }

  /** @throws {AdminError} when another process listens there, or the path cannot be used. */
  static async listen(path: string, handler: AdminHandler): Promise<AdminServer> {
    await removeStale(path);
    const directory = path.replace(/\/[^/]*$/, "");
    const mask = Deno.umask(0o177);
    try {
      if (directory !== "") {
        Deno.umask(0o077);
        Deno.mkdirSync(directory, { recursive: true });
        Deno.umask(0o177);
      }
      return new AdminServer(Deno.listen({ transport: "unix", path }), path, handler);
    } catch (error) {
      throw new AdminError(`Cannot listen on ${path}: ${reason(error)}`);
    } finally {
      Deno.umask(mask);
    }
  }

  /**
   * The same while another process still answers at `path`: it does until `takePlace`.
   * @throws {AdminError} when that cannot be prepared
   */
  static async prepare(path: string, handler: AdminHandler): Promise<AdminServer> {
    const server = await AdminServer.listen(`${path}.next`, handler);
    server.#place = path;
    return server;
  }

  /** Answers in the other process's place from now on. @throws {Error} */
  takePlace(): void {
    Deno.renameSync(this.#path, this.#place);
    this.#path = this.#place;
  }

  /** Another process answers there from now on: the path is left to it. */
  leave(): void {
    this.#isLeft = true;
  }

  async #accept(handler: AdminHandler): Promise<void> {
    try {
      for await (const connection of this.#listener) this.#serve(connection, handler);
    } catch {
      // Closed while waiting.
    }
  }

  async #serve(connection: Deno.UnixConn, handler: AdminHandler): Promise<void> {
    this.#connections.add(connection);
    const gone = new AbortController();
    const encoder = new TextEncoder();
    const send = async (answer: AdminAnswer) => {
      let rest = encoder.encode(JSON.stringify(answer) + "\n");
      while (rest.length > 0) rest = rest.subarray(await connection.write(rest));
    };
    try {
      for await (const line of readLines(connection.readable, MAXIMUM_REQUEST_BYTES)) {
        await send(
          await answerTo(line, handler, {
            signal: gone.signal,
            follow: (event) => send({ event }),
          }),
        );
      }
    } catch {
      // The other side has gone, or said something that is no line.
    } finally {
      gone.abort();
      this.#connections.delete(connection);
      try {
        connection.close();
      } catch {
        // Closed already by its stream.
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) {
      try {
        connection.close();
      } catch {
        // Closed already.
      }
    }
    if (!this.#isLeft) await Deno.remove(this.#path).catch(() => {});
  }
}

async function answerTo(
  line: string,
  handler: AdminHandler,
  stream: Parameters<AdminHandler>[1],
): Promise<AdminAnswer> {
  try {
    const request = JSON.parse(line) as AdminRequest;
    if (typeof request?.verb !== "string") throw new AdminError("The request has no verb", 2);
    return { ok: true, result: await handler(request, stream) ?? null };
  } catch (error) {
    if (error instanceof AdminError) return { ok: false, error: error.message, exit: error.exit };
    return { ok: false, error: reason(error), exit: 1 };
  }
}

async function removeStale(path: string): Promise<void> {
  try {
    const connection = await Deno.connect({ transport: "unix", path });
    connection.close();
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) await Deno.remove(path).catch(() => {});
    return;
  }
  throw new AdminError(
    `Cannot listen on ${path}: another process answers there, stop it or choose another socket`,
  );
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
