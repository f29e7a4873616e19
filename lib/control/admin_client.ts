import {
  type AdminAnswer,
  AdminError,
  type AdminRequest,
  MAXIMUM_LINE_BYTES,
} from "./admin_protocol.ts";
import { readLines } from "./lines.ts";

/** Asks a daemon and returns its answer. @throws {AdminError} */
export async function ask(path: string, request: AdminRequest): Promise<unknown> {
  for await (const answer of converse(path, request)) {
    if ("result" in answer) return answer.result;
  }
  throw new AdminError(`No answer from ${path}: the daemon closed the connection`);
}

/** Asks a daemon for a stream of events, until it ends or `signal` is aborted. @throws {AdminError} */
export async function* follow(
  path: string,
  request: AdminRequest,
  signal?: AbortSignal,
): AsyncGenerator<unknown> {
  try {
    for await (const answer of converse(path, request, signal)) {
      if ("event" in answer) yield answer.event;
    }
  } catch (error) {
    // Reading from a connection that was closed.
    if (!signal?.aborted) throw error;
  }
}

async function* converse(
  path: string,
  request: AdminRequest,
  signal?: AbortSignal,
): AsyncGenerator<Exclude<AdminAnswer, { ok: false }>> {
  using connection = await connect(path);
  const hangUp = () => connection[Symbol.dispose]();
  signal?.addEventListener("abort", hangUp, { once: true });
  await connection.write(new TextEncoder().encode(JSON.stringify(request) + "\n"));
  for await (const line of readLines(connection.readable, MAXIMUM_LINE_BYTES)) {
    const answer = JSON.parse(line) as AdminAnswer;
    if ("ok" in answer && !answer.ok) throw new AdminError(answer.error, answer.exit);
    yield answer as Exclude<AdminAnswer, { ok: false }>;
  }
}

async function connect(path: string): Promise<Deno.UnixConn> {
  try {
    return await Deno.connect({ transport: "unix", path });
  } catch (error) {
    const why =
      error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused
        ? "nothing runs there"
        : error instanceof Deno.errors.PermissionDenied
        ? "permission denied, run it as the user of the daemon"
        : String(error instanceof Error ? error.message : error);
    throw new AdminError(`Cannot reach ${path}: ${why}`);
  }
}
