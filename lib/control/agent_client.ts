/**
 * The agent's end of the control channel: dials one NAT machine, again and again.
 *
 * @module
 */

import { connect, type TLSSocket } from "node:tls";
import type { Endpoint } from "../wire/address.ts";
import { authenticate, type Credentials, tlsOptions } from "./authenticate.ts";
import { Backoff } from "./backoff.ts";
import type { Identity } from "./certificate.ts";
import { decodeNatMessage } from "./codec.ts";
import { LineConnection } from "./line_connection.ts";
import {
  type Ability,
  type AgentMessage,
  type CaptureOrder,
  type Checks,
  type Grant,
  type Install,
  MAX_NAT_LINE_BYTES,
  type NatMessage,
  type Policy,
  type Probe,
  PROTOCOL,
  type Stop,
  type Welcome,
} from "./messages.ts";

/** After a connection that lasted this long the pauses begin anew. */
const PROVEN_MS = 10_000;
/** The table goes out in one piece, however long it is: 65,536 instructions and as many offers. */
const MAX_UNSENT_BYTES = 64 * 1024 * 1024;

/** What the agent does about one NAT machine. */
export interface ControlClientHandlers {
  /**
   * The NAT machine has taken this agent in: send the table and a report now. A SyntaxError thrown here, or in `message`, ends the
   * connection with its text as the reason.
   */
  connected(nat: { name: string; welcome: Welcome }): void;
  message(message: Install | Stop | Grant | Policy | Probe | Checks | CaptureOrder): void;
  /** The connection is gone; called once for each `connected`. */
  lost(reason: string): void;
  /** An attempt came to nothing. The same reason again and again is told once. */
  failed(reason: string): void;
}

/** Whom to dial, and as whom. */
export interface ControlClientOptions {
  readonly nat: Endpoint;
  readonly credentials: Credentials;
  readonly program: string;
  /** Of this process. */
  readonly instance: string;
  /** Whether this agent can bypass, for the greeting. */
  able(): Ability;
  readonly handlers: ControlClientHandlers;
  /** From the dial to the welcome. Default 5 s. */
  readonly greetingMs?: number;
  /** Default 100 ms. */
  readonly firstPauseMs?: number;
  /** Default 1 s: sessions of a lost table wait for it. */
  readonly longestPauseMs?: number;
  /** Default `Math.random`. */
  random?(): number;
}

/** Keeps one connection to one NAT machine. */
export class ControlClient {
  readonly #options: ControlClientOptions;
  readonly #backoff: Backoff;
  #attempt: Attempt | null = null;
  #isStopped = true;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastFailure: string | null = null;

  constructor(options: ControlClientOptions) {
    this.#options = options;
    this.#backoff = new Backoff({
      firstMs: options.firstPauseMs ?? 100,
      longestMs: options.longestPauseMs ?? 1000,
      random: options.random ?? Math.random,
    });
  }

  get isConnected(): boolean {
    return this.#attempt?.welcomedMs !== null && this.#attempt?.welcomedMs !== undefined;
  }

  /** Begins to dial. */
  start(): void {
    if (!this.#isStopped) return;
    this.#isStopped = false;
    this.#dial();
  }

  /** Sends at once; does nothing while there is no connection. */
  send(message: AgentMessage): void {
    if (this.isConnected) this.#attempt!.send(message);
  }

  /** Ends the connection with that reason and dials no more. */
  stop(reason: string): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#attempt?.end(reason);
  }

  #dial(): void {
    const attempt = new Attempt(this.#options, (reason) => this.#retry(attempt, reason));
    this.#attempt = attempt;
    attempt.start();
  }

  #retry(attempt: Attempt, reason: string): void {
    const { handlers } = this.#options;
    this.#attempt = null;
    if (attempt.welcomedMs !== null) {
      this.#lastFailure = null;
      if (performance.now() - attempt.welcomedMs > PROVEN_MS) this.#backoff.reset();
      handlers.lost(reason);
    } else if (reason !== this.#lastFailure && !this.#isStopped) {
      this.#lastFailure = reason;
      handlers.failed(reason);
    }
    if (!this.#isStopped) this.#timer = setTimeout(() => this.#dial(), this.#backoff.pauseMs());
  }
}

/** One connection, from the dial to its end. */
class Attempt {
  readonly #options: ControlClientOptions;
  readonly #over: (reason: string) => void;
  #socket: TLSSocket | null = null;
  #connection: LineConnection<NatMessage, AgentMessage> | null = null;
  #isOver = false;
  /** Until the welcome a deadline, then a watch. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #silenceMs = Infinity;
  /** When the NAT machine welcomed this agent, by `performance.now`. */
  welcomedMs: number | null = null;

  /** Calls `over` once, with the reason. */
  constructor(options: ControlClientOptions, over: (reason: string) => void) {
    this.#options = options;
    this.#over = over;
  }

  start(): void {
    const { nat, credentials, greetingMs = 5000 } = this.#options;
    this.#timer = setTimeout(() => this.end("the greeting took too long"), greetingMs);
    let socket: TLSSocket;
    try {
      socket = connect({
        ...tlsOptions(credentials),
        host: String(nat.address),
        port: nat.port,
        // `#admit` compares names.
        checkServerIdentity: () => undefined,
      });
    } catch (error) {
      // Asynchronously, as any other failure.
      queueMicrotask(() => this.#finish(`the credentials cannot be used: ${textOf(error)}`));
      return;
    }
    this.#socket = socket;
    socket.on("error", (error) => {
      if (!this.#connection) this.#finish(textOf(error));
    });
    socket.on("close", () => {
      if (!this.#connection) this.#finish("the other side closed the connection");
    });
    socket.once("secureConnect", () => this.#admit(socket));
  }

  send(message: AgentMessage): void {
    this.#connection?.send(message);
  }

  end(reason: string): void {
    if (this.#connection) this.#connection.end(reason);
    else this.#finish(reason);
  }

  async #admit(socket: TLSSocket): Promise<void> {
    const { nat, credentials, program, instance, able } = this.#options;
    const verdict = await authenticate(socket, { ca: credentials.ca, role: "nat" });
    if (this.#isOver || socket.destroyed) return;
    const problem = verdict.kind === "refused"
      ? verdict.why
      : problemWith(verdict.identity, String(nat.address));
    const name = verdict.kind === "refused" ? "" : verdict.identity.name;
    this.#connection = new LineConnection(socket, {
      decode: decodeNatMessage,
      maxLineBytes: MAX_NAT_LINE_BYTES,
      message: (message) => this.#hear(name, message),
      closed: (reason) => this.#finish(reason),
      maxUnsentBytes: MAX_UNSENT_BYTES,
    });
    // The other side is told as well: it is somebody's mistake more often than somebody's attack.
    if (problem) return this.#connection.end(problem);
    this.send({ type: "hello", protocol: PROTOCOL, program, instance, ...able() });
  }

  #hear(name: string, message: NatMessage): void {
    const { handlers } = this.#options;
    try {
      if (message.type === "welcome" && this.welcomedMs === null) {
        this.#welcome(message);
        handlers.connected({ name, welcome: message });
      } else if (message.type === "welcome" || message.type === "bye" || this.welcomedMs === null) {
        this.end(`${message.type} came out of turn`);
      } else handlers.message(message);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.end(error.message);
    }
  }

  /** From now on every report is answered, so silence means that the other side is gone. */
  #welcome({ reportMs }: Welcome): void {
    this.welcomedMs = performance.now();
    this.#silenceMs = 3 * reportMs + 500;
    clearTimeout(this.#timer);
    const connection = this.#connection!;
    let unsentBytes = 0;
    let progressMs = 0;
    this.#timer = setInterval(() => {
      // Nothing is answered before the end of the table, which may be long: that it is read will do.
      if (connection.unsentBytes < unsentBytes) progressMs = performance.now();
      unsentBytes = connection.unsentBytes;
      const silentMs = Math.min(connection.silentMs, performance.now() - progressMs);
      if (silentMs > this.#silenceMs) this.end("three reports went unanswered");
    }, Math.min(reportMs, 1000));
  }

  #finish(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // Clears an interval as well.
    clearTimeout(this.#timer);
    if (!this.#connection) this.#socket?.destroy();
    this.#over(reason);
  }
}

/** A holder of some certificate cannot pose as another one's NAT machine: the address that was dialled must be its. */
function problemWith({ name, addresses }: Identity, dialled: string): string | null {
  return addresses.includes(dialled)
    ? null
    : `the certificate of "${name}" does not name ${dialled}`;
}

/** What people call the ways in which dialling fails. */
const FAILURES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EHOSTUNREACH: "no route to it, or it does not answer ARP or neighbour discovery",
  ENETUNREACH: "network unreachable",
  ETIMEDOUT: "no answer",
};

function textOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return FAILURES[code ?? ""] ?? message ?? String(error);
}
