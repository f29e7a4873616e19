import { createHash } from "node:crypto";
import { contentHash, PageChecker } from "./content.ts";
import { type HttpHead, HttpReader, writeAll } from "./http_message.ts";
import { announce, endpointText } from "./program.ts";

export interface HttpGetArguments {
  readonly url: string;
  /** `sha256`: hash all bytes. `pages`: check only that pages come in order, for full speed. */
  readonly verify: "sha256" | "pages";
  readonly progressMs: number;
  readonly timeoutMs: number;
}

/** The last line that `http-get` prints. */
export interface HttpGetResult {
  readonly event: "done";
  readonly bytes: number;
  readonly expectedBytes: number;
  readonly sha256: string | null;
  readonly expectedSha256: string | null;
  readonly misplacedPages: number;
  readonly ok: boolean;
  readonly ms: number;
  /** The longest time without a new byte. */
  readonly longestPauseMs: number;
  readonly local: string;
  readonly remote: string;
  /** What the server says of itself. */
  readonly server: string;
}

/**
 * `http-get URL`: downloads, verifies, and tells as JSON lines: `connected`, `progress` now and then,
 * `done`. Fails when a byte is missing or wrong. One connection, one request, nothing else. SIGUSR1 asks
 * for the rest as fast as it can come, whatever rate was asked for.
 */
export async function httpGet(args: HttpGetArguments): Promise<number> {
  const url = new URL(args.url);
  using connection = await connect(url);
  using _hurry = onSignal("SIGUSR1", () => {
    // An empty line, which is no request (RFC 9112, 2.2).
    writeAll(connection, new TextEncoder().encode("\r\n")).catch(() => {});
  });
  const local = endpointText(connection.localAddr as Deno.NetAddr);
  const remote = endpointText(connection.remoteAddr as Deno.NetAddr);
  announce({ event: "connected", local, remote });

  const started = performance.now();
  const timer = setTimeout(() => connection.close(), args.timeoutMs);
  await writeAll(connection, request("GET", url));
  const reader = new HttpReader(connection, 1 << 20);
  const head = await readOk(reader, url);
  const expectedBytes = Number(head.headers.get("content-length"));
  const hash = createHash("sha256");
  const pages = new PageChecker();
  let bytes = 0;
  let lastByte = started;
  let longestPauseMs = 0;
  let nextProgress = started + args.progressMs;
  try {
    while (bytes < expectedBytes) {
      const piece = await reader.readPiece(expectedBytes - bytes);
      if (piece === null) break;
      bytes += piece.length;
      pages.update(piece);
      if (args.verify === "sha256") hash.update(piece);
      const now = performance.now();
      longestPauseMs = Math.max(longestPauseMs, now - lastByte);
      lastByte = now;
      if (now >= nextProgress) {
        announce({ event: "progress", bytes, ms: Math.round(now - started) });
        nextProgress = now + args.progressMs;
      }
    }
  } catch (error) {
    console.error(`Download ended after ${bytes} bytes: ${error}`);
  }
  clearTimeout(timer);
  const sha256 = args.verify === "sha256" ? hash.digest("hex") : null;
  const ms = Math.round(performance.now() - started);
  const expectedSha256 = sha256 === null ? null : await expectedHash(url, expectedBytes);
  const result: HttpGetResult = {
    event: "done",
    bytes,
    expectedBytes,
    sha256,
    expectedSha256,
    misplacedPages: pages.misplaced,
    ok: bytes === expectedBytes && pages.misplaced === 0 && sha256 === expectedSha256,
    ms,
    longestPauseMs: Math.round(longestPauseMs),
    local,
    remote,
    server: head.headers.get("server") ?? "",
  };
  announce(result);
  return result.ok ? 0 : 1;
}

function onSignal(signal: Deno.Signal, action: () => void): Disposable {
  Deno.addSignalListener(signal, action);
  return { [Symbol.dispose]: () => Deno.removeSignalListener(signal, action) };
}

/** The hash that the content of that address has to have; the seed and the length tell it. */
async function expectedHash(url: URL, lengthBytes: number): Promise<string> {
  return await contentHash(Number(url.searchParams.get("seed") ?? 1), lengthBytes);
}

async function connect(url: URL): Promise<Deno.TcpConn> {
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  return await Deno.connect({ hostname, port: Number(url.port || 80) });
}

function request(method: string, url: URL): Uint8Array {
  const lines = [`${method} ${url.pathname}${url.search} HTTP/1.1`, `Host: ${url.host}`];
  return new TextEncoder().encode(`${lines.join("\r\n")}\r\nConnection: close\r\n\r\n`);
}

async function readOk(reader: HttpReader, url: URL): Promise<HttpHead> {
  const head = await reader.readHead();
  if (head?.firstLine.split(" ")[1] === "200") return head;
  throw new Error(`Cannot download ${url}: ${head?.firstLine ?? "no answer"}`);
}
