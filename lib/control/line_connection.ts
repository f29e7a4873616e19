/**
 * Messages over one TLS socket, both ways: bounded in what it reads, in what it keeps unsent, and ended with one reason.
 *
 * @module
 */

import type { TLSSocket } from "node:tls";
import { type Decoded, encodeMessage } from "./codec.ts";
import { joinMessages } from "./join_messages.ts";
import { LineDecoder } from "./line_decoder.ts";
import { AGENT_STOPS, type AgentMessage, asReason, type Bye, type NatMessage } from "./messages.ts";
import { PacedReader, type PacedReaderOptions } from "./paced_reader.ts";

/** How long the last words may take to leave. */
const LINGER_MS = 1000;
/**
 * Writes are at least so far apart: each costs both ends together 60 µs of CPU time and more, however much is in it. The
 * first one of a burst does not wait.
 */
const WRITE_EVERY_MS = 1;
/** Errors of a connection whose other end is no more. */
const HANG_UPS: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE"]);

/** What a connection needs to know of its user. */
export interface LineConnectionOptions<In> extends Pick<PacedReaderOptions, "budget" | "heldBack"> {
  decode(line: string): Decoded<In>;
  /** Of the other side, newlines not counted; a longer one ends the connection. */
  readonly maxLineBytes: number;
  /** A valid message. Not called any more after `closed`. */
  message(message: In): void;
  /**
   * Called once, whoever ended it and why. `isOver`: the other side's process is no more, for it said
   * so, or its host closed the connection without a word, as it does when the process is killed.
   */
  closed(reason: string, isOver: boolean): void;
  /** What the other side may leave unread before the connection is ended. Default 8 MiB. */
  readonly maxUnsentBytes?: number;
}

/** One side of a control connection. */
export class LineConnection<In extends { type: string }, Out extends AgentMessage | NatMessage> {
  readonly #socket: TLSSocket;
  readonly #options: LineConnectionOptions<In>;
  readonly #decoder: LineDecoder;
  readonly #unsent: (Out | Bye)[] = [];
  #isClosed = false;
  #heardMs = performance.now();
  #writtenMs = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Reads from now on. The other side must have been authenticated before. */
  constructor(socket: TLSSocket, options: LineConnectionOptions<In>) {
    this.#socket = socket;
    this.#options = options;
    this.#decoder = new LineDecoder(options.maxLineBytes);
    // Messages are small and somebody waits for each.
    socket.setNoDelay(true);
    new PacedReader(socket, { ...options, take: (piece) => this.#read(piece) });
    socket.on("error", (error: Error & { code?: string }) => {
      this.#close(`connection failed: ${error.message}`, HANG_UPS.has(error.code ?? ""));
    });
    socket.on("close", () => this.#close("the other side closed the connection", true));
  }

  /** Since the last valid message. */
  get silentMs(): number {
    return performance.now() - this.#heardMs;
  }

  /** What was sent and has not left yet. */
  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Sends a message, which must stay as it is. It is written before this turn of the event loop ends, together with all
   * others of this turn, so that a burst costs one system call and few messages; a little later when there was a write
   * just now.
   */
  send(message: Out | Bye): void {
    if (this.#isClosed) return;
    if (this.#unsent.length === 0) this.#arrangeFlush();
    this.#unsent.push(message);
  }

  #arrangeFlush(): void {
    const waitMs = this.#writtenMs + WRITE_EVERY_MS - performance.now();
    if (waitMs <= 0) queueMicrotask(() => this.#flush());
    else this.#timer = setTimeout(() => this.#flush(), waitMs);
  }

  /** Says why, and closes. */
  end(reason: string): void {
    if (this.#isClosed) return;
    this.send({ type: "bye", reason: asReason(reason) });
    this.#flush();
    this.#close(reason);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    const messages = this.#unsent.splice(0);
    if (messages.length === 0 || this.#socket.destroyed) return;
    this.#writtenMs = performance.now();
    this.#socket.write(joinMessages(messages).map(encodeMessage).join(""));
    if (this.#socket.writableLength > (this.#options.maxUnsentBytes ?? 8 * 1024 * 1024)) {
      this.#close("the other side does not read");
      this.#socket.destroy();
    }
  }

  #read(chunk: Uint8Array): void {
    if (this.#isClosed) return;
    const problem = this.#decoder.push(chunk, (line) => {
      const decoded = this.#options.decode(line);
      if (decoded.kind === "malformed") this.end(`malformed message: ${decoded.why}`);
      else this.#hear(decoded.message);
      return !this.#isClosed;
    });
    if (problem) this.end(`malformed message: ${problem}`);
  }

  #hear(message: In): void {
    this.#heardMs = performance.now();
    if (isBye(message)) {
      const { reason } = message;
      this.#close(`the other side ended the connection: ${reason}`, reason === AGENT_STOPS);
    } else this.#options.message(message);
  }

  #close(reason: string, isOver = false): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#socket.end();
    // The other side may neither read nor close.
    const linger = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    this.#socket.once("close", () => clearTimeout(linger));
    if (this.#socket.destroyed) clearTimeout(linger);
    this.#options.closed(reason, isOver);
  }
}

function isBye(message: { type: string }): message is { type: "bye"; reason: string } {
  return message.type === "bye";
}
