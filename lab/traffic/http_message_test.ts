import assert from "node:assert/strict";
import { HttpReader, writeAll } from "./http_message.ts";

/** What a reader at the other end of a connection gets to see of what `send` writes. */
async function reading<T>(
  send: (connection: Deno.Conn) => Promise<void>,
  read: (reader: HttpReader) => Promise<T>,
): Promise<T> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  using client = await Deno.connect({ hostname: "127.0.0.1", port });
  using server = await listener.accept();
  const [found] = await Promise.all([read(new HttpReader(server)), send(client)]);
  return found;
}

const write = (connection: Deno.Conn, text: string) =>
  writeAll(connection, new TextEncoder().encode(text));

Deno.test("empty lines before a head are passed over", async () => {
  const lines = await reading(
    (connection) => write(connection, "GET / HTTP/1.1\r\n\r\n\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"),
    async (reader) => [(await reader.readHead())?.firstLine, (await reader.readHead())?.firstLine],
  );
  assert.deepEqual(lines, ["GET / HTTP/1.1", "GET /2 HTTP/1.1"]);
});

Deno.test("what comes while nothing is read is told, and belongs to the next head", async () => {
  const found = await reading(async (connection) => {
    await write(connection, "GET / HT");
    await write(connection, "TP/1.1\r\nHost: a\r\n\r\n");
    await (connection as Deno.TcpConn).closeWrite();
  }, async (reader) => {
    const hasMore = await reader.more();
    const head = await reader.readHead();
    return [hasMore, head?.headers.get("host"), await reader.more(), await reader.readHead()];
  });
  assert.deepEqual(found, [true, "a", false, null]);
});
