/**
 * The daemon that a command asks.
 *
 * @module
 */
import { ask, follow } from "../control/admin_client.ts";
import { AdminError, type AdminRequest } from "../control/admin_protocol.ts";
import type { InspectHost } from "./host.ts";

/** The daemon at `--socket`, else the NAT machine of this host, else its agent. */
export class Daemon {
  readonly #host: InspectHost;
  #path: string | undefined;

  constructor(socket: string | undefined, host: InspectHost) {
    this.#path = socket;
    this.#host = host;
  }

  /** Its socket, looked for when it is first needed. @throws {AdminError} */
  async path(): Promise<string> {
    return this.#path ??= await runningSocket(this.#host);
  }

  /** @throws {AdminError} when it does not answer, answers that it cannot, or takes too long */
  async ask<Answer>(request: AdminRequest): Promise<Answer> {
    const path = await this.path();
    const { promise: late, reject } = Promise.withResolvers<never>();
    const limitMs = this.#host.answerMs;
    const timer = setTimeout(() => {
      reject(new AdminError(`No answer from ${path} within ${limitMs} ms: the daemon hangs`));
    }, limitMs);
    try {
      return await Promise.race([this.askPatiently<Answer>(request), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The same for what takes as long as it takes. */
  async askPatiently<Answer>(request: AdminRequest): Promise<Answer> {
    const path = await this.path();
    try {
      return await ask(path, request) as Answer;
    } catch (error) {
      throw explained(path, error);
    }
  }

  /** Events until the daemon ends, or `signal` is aborted. @throws {AdminError} */
  async *follow<Event>(request: AdminRequest, signal?: AbortSignal): AsyncGenerator<Event> {
    const path = await this.path();
    try {
      yield* follow(path, request, signal) as AsyncGenerator<Event>;
    } catch (error) {
      throw explained(path, error);
    }
  }
}

/** What a connection threw: a reset, a line that is no JSON. */
function explained(path: string, error: unknown): AdminError {
  if (error instanceof AdminError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new AdminError(`Cannot read the answer of ${path}: ${why}`);
}

async function runningSocket({ natSocket, agentSocket }: InspectHost): Promise<string> {
  for (const path of [natSocket, agentSocket]) {
    if (await isAnswered(path)) return path;
  }
  throw new AdminError(
    `Cannot reach a NAT machine or an agent: nothing runs at ${natSocket} or ${agentSocket}, ` +
      `give --socket PATH`,
  );
}

/** Also true where it cannot be told: then asking will say what is wrong. */
async function isAnswered(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.ConnectionRefused);
  }
}
