/**
 * `deno run -A owned_server.ts ADDRESS PORT`: answers `TOKEN BYTES\n` with the token again and again, so
 * many bytes in all, a part at a time, and closes.
 */
import { createServer, type Socket } from "node:net";

const PARTS = 4;
const PART_MS = 8;

const [host = "", port = ""] = Deno.args;
createServer((socket) => {
  let request = "";
  socket.setNoDelay(true);
  socket.on("error", () => {});
  socket.on("data", (chunk: Uint8Array) => {
    if (request.endsWith("\n")) return;
    request += new TextDecoder("latin1").decode(chunk);
    const match = /^(\[.*\]) (\d+)\n$/.exec(request);
    if (match !== null) answer(socket, match[1]!, Number(match[2]));
  });
}).listen(Number(port), host, () => console.log(JSON.stringify("listening")));

async function answer(socket: Socket, token: string, lengthBytes: number): Promise<void> {
  const text = token.repeat(Math.ceil(lengthBytes / token.length)).slice(0, lengthBytes);
  const size = Math.ceil(lengthBytes / PARTS);
  for (let at = 0; at < lengthBytes && !socket.destroyed; at += size) {
    if (at > 0) await new Promise((resolve) => setTimeout(resolve, PART_MS));
    socket.write(text.slice(at, at + size));
  }
  socket.end();
}
