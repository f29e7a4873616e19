import { FrameChecker, FrameWriter } from "./frames.ts";
import { writeAll } from "./http_message.ts";
import { Pacer } from "./pacer.ts";
import { announce, parseListens } from "./program.ts";

/**
 * What a client of the flow server says first, in one line of JSON.
 *
 * - `down`: the server sends frames at that rate until the client ends its direction.
 * - `up`: the client sends frames; the server tells in lines of JSON how far it has come, and at the
 *   end what it found.
 */
export interface FlowRequest {
  readonly flow: "down" | "up";
  readonly seed: number;
  /** Bytes a second. */
  readonly rate: number;
}

/** What the server tells of an upload. */
export interface UploadReport {
  readonly bytes: number;
  readonly wrong: number;
  readonly ended: boolean;
}

const REPORT_EVERY_MS = 20;
const MAX_REQUEST_BYTES = 1024;

/** Takes what the downloads and uploads of `checked-flows` ask for. */
export async function flowServer(args: { readonly listen: readonly string[] }): Promise<number> {
  const listeners = parseListens(args.listen).map((each) => Deno.listen(each));
  announce({ event: "listening", addresses: args.listen });
  await Promise.all(listeners.map(serveAll));
  return 0;
}

async function serveAll(listener: Deno.TcpListener): Promise<void> {
  for await (const connection of listener) {
    serve(connection).catch(() => {
      // The client went away in the middle: it tells what it missed.
    }).finally(() => connection.close());
  }
}

async function serve(connection: Deno.TcpConn): Promise<void> {
  connection.setNoDelay(true);
  const { request, rest } = await readRequest(connection);
  if (request.flow === "down") await sendDown(connection, request);
  else await receiveUp(connection, request, rest);
}

async function readRequest(
  connection: Deno.Conn,
): Promise<{ request: FlowRequest; rest: Uint8Array }> {
  const buffer = new Uint8Array(MAX_REQUEST_BYTES);
  for (let length = 0; length < buffer.length;) {
    const count = await connection.read(buffer.subarray(length));
    if (count === null) break;
    length += count;
    const end = buffer.subarray(0, length).indexOf(0x0a);
    if (end < 0) continue;
    const request = JSON.parse(new TextDecoder().decode(buffer.subarray(0, end))) as FlowRequest;
    return { request, rest: buffer.subarray(end + 1, length) };
  }
  throw new Error("Cannot read a flow's request: it has no end");
}

async function sendDown(connection: Deno.TcpConn, request: FlowRequest): Promise<void> {
  let over = false;
  const untilEnd = async () => {
    const nothing = new Uint8Array(16);
    try {
      while (await connection.read(nothing) !== null);
    } finally {
      over = true;
    }
  };
  const ended = untilEnd();
  // It may fail long before anybody waits for it.
  ended.catch(() => {});
  const writer = new FrameWriter(connection, request.seed);
  const pacer = new Pacer(request.rate);
  const pieceBytes = Math.max(1460, Math.round(request.rate / 100));
  while (!over) {
    await pacer.pass(pieceBytes);
    await writer.write(pieceBytes);
  }
  await ended;
  await writer.end();
}

async function receiveUp(
  connection: Deno.TcpConn,
  request: FlowRequest,
  rest: Uint8Array,
): Promise<void> {
  const checker = new FrameChecker(request.seed);
  checker.update(rest);
  const buffer = new Uint8Array(64 * 1024);
  let nextReport = 0;
  const report = async () => {
    const { bytes, wrong, ended } = checker;
    const line: UploadReport = { bytes, wrong, ended };
    await writeAll(connection, new TextEncoder().encode(`${JSON.stringify(line)}\n`));
  };
  while (!checker.ended) {
    const count = await connection.read(buffer);
    if (count === null) break;
    checker.update(buffer.subarray(0, count));
    if (performance.now() < nextReport || checker.ended) continue;
    nextReport = performance.now() + REPORT_EVERY_MS;
    await report();
  }
  await report();
}
