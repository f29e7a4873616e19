import type { Socket } from "node:net";
import { connect as dial } from "node:net";
import { connect as dialTls, type TLSSocket } from "node:tls";
import { tlsOptions } from "../../lib/control/authenticate.ts";
import { encodeMessage } from "../../lib/control/codec.ts";
import {
  type AgentMessage,
  MAX_ENTRIES,
  MAX_LINE_BYTES,
  NO_COUNTERS,
} from "../../lib/control/messages.ts";
import { readCredentials } from "./credentials.ts";
import { announce, parseListen } from "./program.ts";

/** What is too much: of valid messages, of invalid ones, or of connections. */
export const FLOODS = [
  "reports",
  "unread-answers",
  "long-reports",
  "changing-mind",
  "tables",
  "garbage",
  "long-lines",
  "handshakes",
  "silent-connections",
] as const;
export type Flood = (typeof FLOODS)[number];

export interface ControlFloodArguments {
  readonly connect: string;
  readonly keys: string;
  readonly agent: string;
  readonly address: string;
  readonly flood: Flood;
  readonly forMs: number;
}

interface Target {
  readonly host: string;
  readonly port: number;
  readonly options: ReturnType<typeof tlsOptions>;
  readonly address: string;
  readonly endMs: number;
}

/** Of what was sent and what became of it. */
const counts = { connections: 0, messages: 0, bytes: 0, ended: 0 };

const HELLO: AgentMessage = {
  type: "hello",
  protocol: 1,
  program: "flood",
  instance: "flood",
  able: true,
  reason: null,
};
const PARALLEL = 20;
const SILENT = 500;
/** What is handed to the kernel at a time. */
const CHUNK_BYTES = 256 * 1024;

/**
 * `control-flood ADDRESS:PORT --keys FOLDER --agent NAME --flood KIND`: an agent with a valid certificate
 * that does too much of one thing for a while, as fast as it can.
 */
export async function controlFlood(args: ControlFloodArguments): Promise<number> {
  const { hostname: host, port } = parseListen(args.connect);
  const target: Target = {
    host,
    port,
    options: tlsOptions(await readCredentials(args.keys, args.agent)),
    address: args.address,
    endMs: performance.now() + args.forMs,
  };
  const { flood } = args;
  if (flood === "silent-connections") await silence(target);
  else if (flood === "garbage" || flood === "handshakes" || flood === "long-lines") {
    await Promise.all(Array.from({ length: PARALLEL }, () => again(target, flood)));
  } else await again(target, flood);
  announce({ event: "flooded", ...counts });
  return 0;
}

/** Connects and floods until it is sent away, and then anew. */
async function again(target: Target, flood: Flood): Promise<void> {
  while (performance.now() < target.endMs) {
    const socket = await open(target);
    if (socket !== null) await fill(socket, target, flood);
  }
}

function open({ host, port, options }: Target): Promise<TLSSocket | null> {
  return new Promise((resolve) => {
    const socket = dialTls({ ...options, host, port, checkServerIdentity: () => undefined });
    socket.on("error", () => {});
    socket.once("close", () => {
      counts.ended++;
      resolve(null);
    });
    socket.once("secureConnect", () => {
      counts.connections++;
      resolve(socket);
    });
  });
}

/** Writes as fast as the other side takes it. */
async function fill(socket: TLSSocket, target: Target, flood: Flood): Promise<void> {
  const { greeting, chunk } = bytesOf(flood, target.address);
  // Else what the other side says fills this side's memory.
  if (flood !== "unread-answers") socket.resume();
  socket.write(greeting);
  while (performance.now() < target.endMs && !socket.destroyed && chunk !== null) {
    const bytes = chunk();
    counts.bytes += bytes.length;
    if (!socket.write(bytes)) await drained(socket, target.endMs);
  }
  socket.destroy();
}

function drained(socket: TLSSocket, endMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, Math.max(0, endMs - performance.now()));
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    socket.once("drain", done);
    socket.once("close", done);
  });
}

function bytesOf(
  flood: Flood,
  address: string,
): { greeting: string; chunk: (() => string) | null } {
  let nonce = 0;
  const report = (entries: number, able: boolean): string =>
    encodeMessage({
      type: "report",
      nonce: ++nonce,
      able,
      reason: able ? null : "another mind",
      entries: Array.from({ length: entries }, (_, i) => ({
        ...{ session: `s-${i}`, generation: 1 },
        ...NO_COUNTERS,
      })),
    });
  const many = (make: () => string) => () => {
    let text = "";
    while (text.length < CHUNK_BYTES) {
      text += make();
      counts.messages++;
    }
    return text;
  };
  const greeting = encodeMessage(HELLO);
  const known = greeting + encodeMessage({ type: "table", entries: [], last: true }) +
    report(0, true);
  switch (flood) {
    case "reports":
    case "unread-answers":
      return { greeting: known, chunk: many(() => report(0, true)) };
    case "long-reports":
      return { greeting: known, chunk: many(() => report(MAX_ENTRIES, true)) };
    case "changing-mind":
      return { greeting: known, chunk: many(() => report(0, nonce % 2 === 0)) };
    case "tables":
      return { greeting, chunk: many(() => table(++nonce, address)) };
    case "garbage":
      return { greeting: `${greeting}{"type":"report"}\n`, chunk: null };
    case "long-lines":
      return { greeting, chunk: () => `${" ".repeat(MAX_LINE_BYTES)}\n` };
    default:
      return { greeting: "", chunk: null };
  }
}

function table(part: number, address: string): string {
  return encodeMessage({
    type: "table",
    entries: Array.from({ length: 256 }, (_, i) => ({
      session: `t-${part}-${i}`,
      generation: 1,
      epoch: "flood",
      protocol: "tcp" as const,
      match: { source: `${address}:8080`, destination: "10.0.1.1:1024" },
      rewrite: { source: "203.0.113.10:80", destination: "198.51.100.2:40000" },
      ...NO_COUNTERS,
    })),
    last: false,
  });
}

/** Connections that say nothing, each replaced when it is ended. */
async function silence({ host, port, endMs }: Target): Promise<void> {
  const sockets = new Set<Socket>();
  const connect = () => {
    const socket = dial({ host, port });
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("connect", () => counts.connections++);
    socket.on("close", () => {
      sockets.delete(socket);
      counts.ended++;
      if (performance.now() < endMs) setTimeout(connect, 1);
    });
  };
  for (let i = 0; i < SILENT; i++) connect();
  await new Promise((resolve) => setTimeout(resolve, endMs - performance.now()));
  for (const socket of sockets) socket.destroy();
}
