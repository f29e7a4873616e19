/**
 * Reads a socket piece by piece, so that whoever sends much, or what costs much, takes no time from others of the same thread.
 *
 * @module
 */

import type { TLSSocket } from "node:tls";
import type { TokenBucket } from "../policy/token_bucket.ts";

/** What is taken at a time: some hundred small messages, some milliseconds of work. */
const PIECE_BYTES = 16 * 1024;
/** After so much work in one turn of the event loop others have theirs. */
const TURN_MS = 5;
/** How long nothing is read from whoever has spent his share. */
const HELD_BACK_MS = 50;
/** What decrypting costs before the first byte is seen here: milliseconds a byte. */
const DECRYPTION_MS = 5e-6;

/**
 * What a runtime's TLS socket stands on. Deno (2.9) decrypts all that comes, however little of it is read:
 * without end it piles up in this process, unless the connection below is told to stop.
 */
interface Below {
  readStart(): number;
  readStop(): number;
}

function below(socket: TLSSocket): Below | null {
  const tls = (socket as unknown as { _handle?: { _parent?: Partial<Below> } | null })._handle;
  const tcp = tls?._parent;
  return tcp?.readStart && tcp.readStop ? tcp as Below : null;
}

/** Whom to read for, and how much of the time it may take. */
export interface PacedReaderOptions {
  /** Bytes, in order; they may be reused afterwards. */
  take(piece: Uint8Array): void;
  /** Milliseconds of work; whoever has spent them is not read from until there are some again. Default: no limit. */
  readonly budget?: TokenBucket;
  /** The budget is spent; called when reading stops, and not again before it has gone on for a second. */
  heldBack?(): void;
}

/** Reads one socket to its end. What is not read stays with the kernel and the sender. */
export class PacedReader {
  readonly #socket: TLSSocket;
  readonly #options: PacedReaderOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;
  #toldMs = -Infinity;

  constructor(socket: TLSSocket, options: PacedReaderOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on("readable", () => {
      if (this.#timer === undefined) this.#turn();
    });
    socket.on("close", () => clearTimeout(this.#timer));
  }

  #turn(): void {
    const begunMs = performance.now();
    let bytes = 0;
    let spentMs = 0;
    do {
      // A stream gives the size asked for, or nothing; without a size it asks for more when it is empty.
      const size = Math.min(this.#socket.readableLength, PIECE_BYTES);
      const piece: Uint8Array | null = size > 0 ? this.#socket.read(size) : this.#socket.read();
      if (piece === null) break;
      this.#options.take(piece);
      bytes += piece.length;
      spentMs = performance.now() - begunMs;
    } while (spentMs < TURN_MS);
    if (bytes === 0) return this.#goOn();
    const restMs = this.#rest(spentMs + bytes * DECRYPTION_MS, begunMs + spentMs);
    if (restMs > 0 || spentMs >= TURN_MS) this.#pause(restMs);
    else this.#goOn();
  }

  /** Nothing is left of what came: more may come. */
  #goOn(): void {
    if (!this.#isStopped) return;
    this.#isStopped = false;
    below(this.#socket)?.readStart();
  }

  /** How long to read nothing after so much work. */
  #rest(workMs: number, nowMs: number): number {
    const { budget, heldBack } = this.#options;
    budget?.spend(workMs);
    if (!budget?.isEmpty(nowMs)) return 0;
    if (nowMs - this.#toldMs > 1000) heldBack?.();
    this.#toldMs = nowMs;
    return HELD_BACK_MS;
  }

  #pause(forMs: number): void {
    // Again each time: whoever reads what is there has it begin anew.
    below(this.#socket)?.readStop();
    this.#isStopped = true;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const { budget } = this.#options;
      if (budget?.isEmpty(performance.now())) this.#pause(HELD_BACK_MS);
      else this.#turn();
    }, forMs);
  }
}
