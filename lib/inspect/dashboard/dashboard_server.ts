/**
 * The page, its assets and its live feed over HTTP.
 *
 * @module
 */
import type { Daemon } from "../daemon.ts";
import { ASSETS } from "./assets.ts";
import { renderDocument } from "./document.ts";
import { refusalOf } from "./guard.ts";
import { MOST_VIEWERS } from "./limits.ts";
import { LiveFeed } from "./live_feed.ts";
import { renderParts } from "./parts.ts";
import { Sampler } from "./sampler.ts";

/** How long the first page waits for something to show. */
const FIRST_LOOK_MS = 2000;
/** A page that was loaded comes for its live feed soon; until then it is looked on. */
const LINGER_MS = 5000;

/** Sent with everything. */
const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-store",
};

export interface DashboardOptions {
  readonly address: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly daemon: Daemon;
  /** Of the daemon. */
  readonly socket: string;
}

/** Serves the dashboard of one NAT machine until disposed of. */
export class DashboardServer implements AsyncDisposable {
  readonly #address: string;
  readonly #sampler: Sampler;
  readonly #feed: LiveFeed;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #ended = new AbortController();
  #linger: ReturnType<typeof setTimeout> | undefined;

  /** @throws {Error} when it cannot listen there */
  constructor({ address, port, daemon, socket }: DashboardOptions) {
    this.#address = address;
    this.#feed = new LiveFeed(MOST_VIEWERS, () => this.#lookWhileSeen());
    this.#sampler = new Sampler({ daemon, socket, onChange: () => this.#publish() });
    this.#server = Deno.serve({
      hostname: address,
      port,
      signal: this.#ended.signal,
      onListen: () => {},
    }, (request) => this.#answer(request));
  }

  get port(): number {
    return this.#server.addr.port;
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const refusal = refusalOf({
      method: request.method,
      host: request.headers.get("host"),
      origin: request.headers.get("origin"),
      site: request.headers.get("sec-fetch-site"),
    }, this.#address);
    if (refusal !== null) {
      const allow: Record<string, string> = refusal.status === 405 ? { allow: "GET, HEAD" } : {};
      return plain(refusal.status, refusal.why, allow);
    }
    const isHead = request.method === "HEAD";
    if (pathname === "/") return await this.#page(isHead);
    if (pathname === "/live") return this.#live(isHead);
    const asset = ASSETS.get(pathname);
    if (asset === undefined) return plain(404, "There is no such page here");
    return reply(200, asset.type, isHead ? null : asset.text);
  }

  async #page(isHead: boolean): Promise<Response> {
    if (isHead) return reply(200, "text/html; charset=utf-8", null);
    this.#lookOnForNow();
    await Promise.race([this.#sampler.firstLook, pause(FIRST_LOOK_MS)]);
    const { state } = this.#sampler;
    return reply(200, "text/html; charset=utf-8", renderDocument(renderParts(state, Date.now())));
  }

  #live(isHead: boolean): Response {
    if (this.#feed.isFull) {
      return plain(503, `${MOST_VIEWERS} look at this page already`, { "retry-after": "10" });
    }
    return reply(200, "text/event-stream", isHead ? null : this.#feed.join());
  }

  #publish(): void {
    this.#feed.publish(renderParts(this.#sampler.state, Date.now()));
  }

  /** Nothing is looked at while nobody looks. */
  #lookWhileSeen(): void {
    if (this.#feed.viewers > 0) this.#sampler.start();
    else this.#lookOnForNow();
  }

  #lookOnForNow(): void {
    if (this.#ended.signal.aborted) return;
    this.#sampler.start();
    clearTimeout(this.#linger);
    this.#linger = setTimeout(() => {
      if (this.#feed.viewers === 0) this.#sampler.stop();
    }, LINGER_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    clearTimeout(this.#linger);
    this.#sampler.stop();
    this.#feed.close();
    await this.#server.finished;
  }
}

function reply(status: number, type: string, body: BodyInit | null, more = {}): Response {
  return new Response(body, { status, headers: { ...HEADERS, "content-type": type, ...more } });
}

function plain(status: number, text: string, more: Record<string, string> = {}): Response {
  return reply(status, "text/plain; charset=utf-8", `${text}\n`, more);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
