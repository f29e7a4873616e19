/**
 * Serves a daemon's metrics over HTTP, for reading alone: `GET /metrics`, and `GET /` that names it.
 *
 * It runs beside the daemon's own work, so whoever asks gets little of it: few connections at once, each
 * for one request, not for long, and one text for all who ask within a moment.
 *
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type Endpoint, formatEndpoint } from "../wire/address.ts";
import type { Collect } from "./metric.ts";
import { formatFor, formatMetrics, type TextFormat } from "./text_format.ts";

/** Prometheus servers are two or three. */
const MOST_CONNECTIONS = 32;
/** For the request; a connection on which nothing moves is closed after as long. */
const PATIENCE_MS = 5_000;
/** How old a text may be that is given out again. */
const REUSE_MS = 200;

const INDEX = "bypath: metrics are at /metrics\n";

/** One socket on which metrics are served until it is disposed of. */
export class MetricsServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #collect: Collect;
  readonly #texts = new Map<TextFormat, { text: string; madeMs: number }>();

  private constructor(collect: Collect) {
    this.#collect = collect;
    this.#server = createServer({
      headersTimeout: PATIENCE_MS,
      requestTimeout: PATIENCE_MS,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: 8192,
    }, (request, response) => this.#answer(request, response));
    this.#server.maxConnections = MOST_CONNECTIONS;
    this.#server.on("connection", (socket) => {
      socket.setTimeout(PATIENCE_MS, () => socket.destroy());
    });
  }

  /** @throws {Error} when the address cannot be listened on */
  static async listen(endpoint: Endpoint, collect: Collect): Promise<MetricsServer> {
    const made = new MetricsServer(collect);
    const listening = Promise.withResolvers<void>();
    const server = made.#server;
    server.once("error", (error: Error & { code?: string }) =>
      listening.reject(
        new Error(`Cannot serve metrics on ${formatEndpoint(endpoint)}: ${whyNot(error)}`, {
          cause: error,
        }),
      ));
    server.listen(endpoint.port, String(endpoint.address), () => listening.resolve());
    await listening.promise;
    server.on("error", () => {});
    return made;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    response.shouldKeepAlive = false;
    response.setHeader("X-Content-Type-Options", "nosniff");
    const path = (request.url ?? "").replace(/\?.*$/s, "");
    if (path !== "/" && path !== "/metrics") return say(response, 404, "Nothing is here\n");
    if (request.method !== "GET") {
      response.setHeader("Allow", "GET");
      return say(response, 405, "Only GET\n");
    }
    if (path === "/") return say(response, 200, INDEX);
    const format = formatFor(request.headers.accept ?? "");
    let text: string;
    try {
      text = this.#text(format);
    } catch (error) {
      return say(response, 500, `Cannot collect metrics: ${(error as Error).message}\n`);
    }
    response.setHeader("Vary", "Accept");
    say(response, 200, text, format.contentType);
  }

  #text(format: TextFormat): string {
    const nowMs = performance.now();
    const made = this.#texts.get(format);
    if (made !== undefined && nowMs - made.madeMs < REUSE_MS) return made.text;
    const text = formatMetrics(this.#collect(), format);
    this.#texts.set(format, { text, madeMs: nowMs });
    return text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = Promise.withResolvers<void>();
    this.#server.close(() => closed.resolve());
    this.#server.closeAllConnections();
    await closed.promise;
  }
}

function say(
  response: ServerResponse,
  status: number,
  text: string,
  contentType = "text/plain; charset=utf-8",
): void {
  response.writeHead(status, {
    "Content-Type": contentType,
    "Content-Length": new TextEncoder().encode(text).length,
  });
  response.end(text);
}

function whyNot({ code, message }: Error & { code?: string }): string {
  switch (code) {
    case "EADDRINUSE":
      return "another program listens there, stop it or choose another port";
    case "EADDRNOTAVAIL":
    case "EINVAL":
      return "no interface of this host has the address";
    case "EACCES":
      return "permission denied, choose a port from 1024 on";
    default:
      return message;
  }
}
