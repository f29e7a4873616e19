import { HttpReader, writeAll } from "./http_message.ts";
import { announce, parseListen } from "./program.ts";

export interface TcpSessionsArguments {
  readonly connect: string;
  readonly count: number;
  /** How many are being opened at a time. */
  readonly atOnce: number;
}

interface Session {
  readonly connection: Deno.TcpConn;
  readonly reader: HttpReader;
}

/**
 * `tcp-sessions ADDRESS:PORT --count N`: opens N connections, has one request answered on each, and
 * keeps them. SIGUSR2 has one more request answered on each; SIGTERM closes them and ends.
 */
export async function tcpSessions(args: TcpSessionsArguments): Promise<number> {
  const { hostname, port } = parseListen(args.connect);
  const started = performance.now();
  const sessions: Session[] = [];
  let failed = 0;
  let left = args.count;
  const opener = async () => {
    while (left-- > 0) {
      try {
        const connection = await Deno.connect({ hostname, port });
        const session = { connection, reader: new HttpReader(connection) };
        sessions.push(session);
        await ask(session);
      } catch (error) {
        if (failed++ === 0) console.error(`Session failed: ${error}`);
      }
    }
  };
  await Promise.all(Array.from({ length: args.atOnce }, opener));
  const ms = Math.round(performance.now() - started);
  announce({ event: "open", open: sessions.length, failed, ms });

  Deno.addSignalListener("SIGUSR2", () => void check(sessions));
  await new Promise<void>((resolve) => Deno.addSignalListener("SIGTERM", resolve));
  for (const { connection } of sessions) connection.close();
  return failed === 0 ? 0 : 1;
}

async function check(sessions: readonly Session[]): Promise<void> {
  const results = await Promise.allSettled(sessions.map(ask));
  const ok = results.filter((result) => result.status === "fulfilled").length;
  announce({ event: "checked", ok, failed: sessions.length - ok });
}

const REQUEST = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: lab\r\n\r\n");

async function ask({ connection, reader }: Session): Promise<void> {
  await writeAll(connection, REQUEST);
  const head = await reader.readHead();
  let left = Number(head?.headers.get("content-length") ?? NaN);
  if (head === null || Number.isNaN(left)) throw new Error("no answer");
  while (left > 0) {
    const piece = await reader.readPiece(left);
    if (piece === null) throw new Error("the answer was cut short");
    left -= piece.length;
  }
}
