import { writeContent } from "./content.ts";
import { HttpReader, writeAll } from "./http_message.ts";
import { Pacer } from "./pacer.ts";
import { announce, endpointText, parseListens } from "./program.ts";

/**
 * `http-server --listen ADDRESS:PORT…`
 *
 * - `GET /` answers with one line that names the server.
 * - `GET /bytes/N?seed=S&rate=R` answers with N bytes of content, at R bytes a second at most, until the
 *   client sends something more: then the rest comes as fast as it can.
 *
 * Connections are kept alive.
 */
export async function httpServer(args: { readonly listen: readonly string[] }): Promise<number> {
  const listeners = parseListens(args.listen).map((each) => Deno.listen(each));
  announce({ event: "listening", addresses: args.listen });
  await Promise.all(listeners.map(serveAll));
  return 0;
}

async function serveAll(listener: Deno.TcpListener): Promise<void> {
  for await (const connection of listener) {
    serve(connection).catch(() => {
      // The client went away in the middle: its own affair.
    }).finally(() => connection.close());
  }
}

async function serve(connection: Deno.TcpConn): Promise<void> {
  connection.setNoDelay(true);
  const reader = new HttpReader(connection);
  for (;;) {
    const head = await reader.readHead();
    if (head === null) return;
    const [method = "", target = ""] = head.firstLine.split(" ");
    const url = new URL(target, "http://server");
    const sized = /^\/bytes\/(\d+)$/.exec(url.pathname);
    const name = endpointText(connection.localAddr as Deno.NetAddr);
    if (method !== "GET" && method !== "HEAD") {
      await answer(connection, "405 Method Not Allowed", {}, "Only GET and HEAD\n");
    } else if (sized !== null) {
      const lengthBytes = Number(sized[1]);
      const seed = Number(url.searchParams.get("seed") ?? 1);
      const rate = Number(url.searchParams.get("rate") ?? 0);
      await answer(connection, "200 OK", {
        "Content-Length": `${lengthBytes}`,
        Server: name,
      });
      if (method === "GET") {
        const pacer = new Pacer(rate);
        // An error of the connection shows where it is written to.
        if (rate > 0) reader.more().then((more) => more && pacer.release(), () => {});
        await sendContent(connection, { seed, lengthBytes, rate }, pacer);
      }
    } else if (url.pathname === "/") {
      const line = `Hello from ${name}\n`;
      await answer(connection, "200 OK", {}, method === "GET" ? line : "");
    } else {
      await answer(connection, "404 Not Found", {}, "Try /bytes/1000000\n");
    }
    if (head.headers.get("connection") === "close") return;
  }
}

async function answer(
  connection: Deno.Conn,
  status: string,
  headers: Record<string, string>,
  body?: string,
): Promise<void> {
  const all = body === undefined ? headers : { ...headers, "Content-Length": `${body.length}` };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const text = `HTTP/1.1 ${status}\r\n${lines}\r\n${body ?? ""}`;
  await writeAll(connection, new TextEncoder().encode(text));
}

async function sendContent(
  connection: Deno.Conn,
  what: { readonly seed: number; readonly lengthBytes: number; readonly rate: number },
  pacer: Pacer,
): Promise<void> {
  // Paced content goes in small pieces, else the rate would be one of bursts.
  const pieceBytes = what.rate > 0 ? Math.max(1460, Math.min(65536, what.rate / 100)) : Infinity;
  await writeContent(what.seed, what.lengthBytes, async (bytes) => {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const piece = bytes.subarray(at, Math.min(bytes.length, at + pieceBytes));
      await pacer.pass(piece.length);
      await writeAll(connection, piece);
    }
  });
}
