/**
 * The NAT machine's end of the control channel: takes agents' connections, and nobody else's.
 *
 * A connection is nobody's until its certificate is accepted, and an agent's when its greeting is complete: TLS, `hello`,
 * `welcome`, the whole table, the first report. All of that has one deadline. When there are too many connections of nobody the oldest goes,
 * so that a flood of them does not keep an agent out for long, and does not touch agents that are in.
 *
 * An agent is trusted with its own sessions, not with the time and the memory of this machine: what it sends is read in its
 * turn and within its share, however much it is; what it may make this side remember is bounded.
 *
 * @module
 */

import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { TokenBucket } from "../policy/token_bucket.ts";
import { Arrivals } from "./arrivals.ts";
import { authenticate, type Credentials, tlsOptions } from "./authenticate.ts";
import type { Identity } from "./certificate.ts";
import { decodeAgentMessage } from "./codec.ts";
import { LineConnection } from "./line_connection.ts";
import {
  type Ability,
  type AgentMessage,
  type Announcement,
  asReason,
  type CaptureNews,
  type HealthResults,
  type Hello,
  type Installed,
  MAX_LINE_BYTES,
  type NatMessage,
  type Probed,
  PROTOCOL,
  type Report,
  type Stopped,
  type Table,
  type TableEntry,
} from "./messages.ts";
import { formatEndpoint, IpAddress, parseEndpoint } from "../wire/address.ts";

/** An agent whose greeting is complete. */
export interface ConnectedAgent extends Identity {
  readonly instance: string;
  readonly program: string;
  /** Where it connects from, `address:port`. */
  readonly from: string;
}

/** What the NAT machine does about its agents. None of these may throw. */
export interface ControlServerHandlers {
  /** What this agent may know and translate: nothing about any other server. */
  announcement(agent: Identity): Announcement;
  /**
   * An agent is there, with all that it holds. Only instructions of its own addresses come this far. Its first report
   * follows in the same breath, as a `message`.
   */
  connected(
    agent: ConnectedAgent,
    greeting: Ability & { table: TableEntry[] },
  ): void;
  message(
    agent: string,
    message: Installed | Stopped | Report | Probed | HealthResults | CaptureNews,
  ): void;
  /**
   * Its connection is gone; called once for each `connected`, and before the next one of the same name.
   * `isOver`: its process is no more, so that nobody follows what it held.
   */
  lost(agent: string, reason: string, isOver: boolean): void;
  /** An agent sends more than its share of this machine's time: the rest of it waits where it is. */
  heldBack?(agent: string): void;
  /** A connection came to nothing, for one reason. `name` when its certificate was accepted. */
  refused(attempt: { from: string; name: string | null; reason: string }): void;
}

/** How to serve. */
export interface ControlServerOptions {
  readonly listen: { readonly address: string; readonly port: number };
  readonly credentials: Credentials;
  readonly program: string;
  /** Of this process. */
  readonly instance: string;
  /** Of the session table. */
  readonly epoch: string;
  readonly leaseMs: number;
  /** How often agents report. An agent that misses three reports is disconnected. */
  readonly reportMs: number;
  /** From the TCP connection to the end of the greeting, and from one part of a table to the next. Default 5 s. */
  readonly greetingMs?: number;
  /** The most connections that have shown no accepted certificate yet. Default 64. */
  readonly maxStrangers?: number;
  /** The most agents. Default 4096. */
  readonly maxAgents?: number;
  /** The most instructions an agent's table may hold. Default 131,072: all that an agent holds, and all that it offers. */
  readonly maxTableEntries?: number;
  /** How often somebody may connect from one address. Default 10 a second, 50 at once. */
  readonly arrivals?: { readonly perSecond: number; readonly burst: number };
  /** Milliseconds of work that one agent may cause, a second and at once. Default 250 and 3000. */
  readonly work?: { readonly perSecond: number; readonly burst: number };
  readonly handlers: ControlServerHandlers;
}

/** What can be changed while agents are connected. */
export type ChangeableSettings = Pick<
  ControlServerOptions,
  "listen" | "credentials" | "leaseMs" | "reportMs"
>;

const GREETING_MS = 5_000;
/** A quarter of the thread. The burst is for a large table after a reconnect, which sessions wait for. */
const WORK = { perSecond: 250, burst: 3000 } as const;
const ARRIVALS = { perSecond: 10, burst: 50 } as const;
/** Greetings of one agent at a time: its connection, and the one that replaces it. Each may bring a table. */
const MAX_GREETINGS = 2;

type AgentConnection = LineConnection<AgentMessage, NatMessage>;

interface Stranger {
  readonly from: string;
  readonly deadline: number;
}

interface Agent {
  readonly info: ConnectedAgent;
  readonly connection: AgentConnection;
}

/** Listens for agents. */
export class ControlServer {
  #options: ControlServerOptions;
  #server: Server;
  readonly #arrivals: Arrivals;
  /** By name: an agent that connects anew has spent what it has spent. */
  readonly #budgets = new Map<string, TokenBucket>();
  /** Oldest first. */
  readonly #strangers = new Map<Socket, Stranger>();
  /** Known by certificate, not greeted yet. */
  readonly #greetings = new Map<AgentConnection, string>();
  readonly #agents = new Map<string, Agent>();
  #watch: ReturnType<typeof setInterval> | undefined;

  constructor(options: ControlServerOptions) {
    this.#options = options;
    this.#arrivals = new Arrivals(options.arrivals ?? ARRIVALS);
    this.#server = this.#makeServer(options);
  }

  /** TLS begins when the connection is admitted: a handshake costs more than all that may come after it. */
  #makeServer({ credentials }: Pick<ControlServerOptions, "credentials">): Server {
    const server = createTlsServer({ ...tlsOptions(credentials), requestCert: true });
    server.on("tlsClientError", (error: Error, socket: TLSSocket) => {
      this.#sendAway(tcpOf(socket), `TLS handshake failed: ${error.message}`);
    });
    server.on("secureConnection", (socket: TLSSocket) => this.#admit(socket));
    return createTcpServer((socket) => {
      this.#meet(socket);
      if (!socket.destroyed) server.emit("connection", socket);
    });
  }

  /**
   * Begins to listen; resolves to the port.
   *
   * @throws Error when the address cannot be bound, or the credentials cannot be used
   */
  async listen(): Promise<number> {
    const bound = await listenOn(this.#server, this.#options.listen);
    this.#startWatch();
    return bound;
  }

  /**
   * Serves whoever comes from now on with other settings; connections that are there stay, unless the lease or
   * the report interval changes, which they learnt in their greeting.
   *
   * @returns what takes it back
   * @throws Error when the address cannot be bound or the credentials cannot be used: then all is as before
   */
  async change(settings: ChangeableSettings): Promise<() => Promise<void>> {
    const before = this.#options;
    const after = { ...before, ...settings };
    const server = this.#makeServer(after);
    const isMoved = JSON.stringify(before.listen) !== JSON.stringify(after.listen);
    // The old listener goes first where both want the same address.
    if (!isMoved) this.#server.close();
    try {
      await listenOn(server, after.listen);
    } catch (error) {
      if (!isMoved) await this.#replace(this.#makeServer(before));
      throw error;
    }
    if (isMoved) this.#server.close();
    this.#server = server;
    this.#options = after;
    const isOtherLease = before.leaseMs !== after.leaseMs || before.reportMs !== after.reportMs;
    if (isOtherLease) {
      this.#startWatch();
      this.#endAll("the lease has changed, connect again");
    }
    const { listen, credentials, leaseMs, reportMs } = before;
    return async () => void await this.change({ listen, credentials, leaseMs, reportMs });
  }

  async #replace(server: Server): Promise<void> {
    await listenOn(server, this.#options.listen);
    this.#server = server;
  }

  #startWatch(): void {
    clearInterval(this.#watch);
    const watchMs = Math.min(this.#options.reportMs, 1000);
    this.#watch = setInterval(() => this.#checkSilence(), watchMs);
  }

  /** The agents that are connected. */
  *agents(): Generator<ConnectedAgent> {
    for (const { info } of this.#agents.values()) yield info;
  }

  /** Sends at once; does nothing when that agent is not connected. */
  send(agent: string, message: NatMessage): void {
    this.#agents.get(agent)?.connection.send(message);
  }

  /** Sends every agent what it may translate now. */
  announce(): void {
    for (const { info, connection } of this.#agents.values()) {
      connection.send({ type: "policy", ...this.#options.handlers.announcement(info) });
    }
  }

  /** Ends every connection with that reason and stops listening. */
  async close(reason: string): Promise<void> {
    clearInterval(this.#watch);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#endAll(reason);
    await closed;
  }

  #endAll(reason: string): void {
    for (const socket of [...this.#strangers.keys()]) this.#sendAway(socket, reason);
    for (const connection of [...this.#greetings.keys()]) connection.end(reason);
    for (const { connection } of [...this.#agents.values()]) connection.end(reason);
  }

  #meet(socket: Socket): void {
    const now = performance.now();
    const from = placeOf(socket);
    socket.on("error", () => {});
    if (!this.#arrivals.admit(socket.remoteAddress ?? "", now)) {
      socket.destroy();
      const reason = "too many connections from this address";
      return this.#options.handlers.refused({ from, name: null, reason });
    }
    const deadline = now + (this.#options.greetingMs ?? GREETING_MS);
    this.#strangers.set(socket, { from, deadline });
    socket.once(
      "close",
      () => this.#sendAway(socket, "it closed the connection before the greeting"),
    );
    if (this.#strangers.size > (this.#options.maxStrangers ?? 64)) {
      const [oldest] = this.#strangers.keys();
      this.#sendAway(oldest!, "too many connections without certificate, and this is the oldest");
    }
  }

  /** Ends the connection of somebody who is nobody yet. */
  #sendAway(socket: Socket, reason: string): void {
    const stranger = this.#strangers.get(socket);
    if (!stranger) return;
    this.#strangers.delete(socket);
    socket.destroy();
    this.#options.handlers.refused({ from: stranger.from, name: null, reason });
  }

  /** TLS is complete: who is it? */
  async #admit(socket: TLSSocket): Promise<void> {
    const tcp = tcpOf(socket);
    socket.on("error", () => {});
    const ca = this.#options.credentials.ca;
    const verdict = await authenticate(socket, { ca, role: "agent" });
    const stranger = this.#strangers.get(tcp);
    if (!stranger || socket.destroyed) return;
    this.#strangers.delete(tcp);
    const { from } = stranger;
    if (verdict.kind === "refused") return this.#explain(socket, from, verdict.why);
    if (this.#agents.size + this.#greetings.size >= (this.#options.maxAgents ?? 4096)) {
      return this.#explain(socket, from, "too many agents");
    }
    this.#greet(socket, { identity: verdict.identity, from, deadline: stranger.deadline });
  }

  /** The last and only thing that somebody who is not let in hears. */
  #explain(socket: TLSSocket, from: string, reason: string): void {
    const stranger = new LineConnection<AgentMessage, NatMessage>(socket, {
      decode: decodeAgentMessage,
      maxLineBytes: MAX_LINE_BYTES,
      message: () => {},
      closed: () => {},
    });
    stranger.end(reason);
    this.#options.handlers.refused({ from, name: null, reason });
  }

  #greet(
    socket: TLSSocket,
    who: { identity: Identity; from: string; deadline: number },
  ): void {
    const { identity, from } = who;
    const { handlers } = this.#options;
    const table: TableEntry[] = [];
    let hello: Hello | null = null;
    let isWhole = false;
    let agent: Agent | null = null;
    const endLate = (inMs: number) =>
      setTimeout(() => connection.end("the greeting took too long"), inMs);
    let late = endLate(Math.max(0, who.deadline - performance.now()));
    const connection: AgentConnection = new LineConnection(socket, {
      decode: decodeAgentMessage,
      maxLineBytes: MAX_LINE_BYTES,
      budget: this.#budgetOf(identity.name),
      heldBack: () => handlers.heldBack?.(identity.name),
      message: (message) => {
        if (agent) this.#hear(agent, message);
        else if (message.type === "hello" && !hello) {
          hello = message;
          const rival = this.#rival(identity.name, hello.instance);
          if (rival === null) this.#welcome(connection, identity);
          else connection.end(rival);
        } else if (message.type === "table" && hello && !isWhole) {
          const problem = this.#collect(table, message, identity);
          if (problem) return connection.end(problem);
          isWhole = message.last;
          if (message.entries.length === 0) return;
          // A long table takes its time; its length is bounded.
          clearTimeout(late);
          late = endLate(this.#options.greetingMs ?? GREETING_MS);
        } else if (message.type === "report" && hello && isWhole) {
          const rival = this.#rival(identity.name, hello.instance);
          if (rival !== null) return connection.end(rival);
          clearTimeout(late);
          agent = { info: infoOf(identity, hello, from), connection };
          this.#enter(agent, hello, table);
          this.#hear(agent, message);
        } else connection.end(`${message.type} came out of turn`);
      },
      closed: (reason, isOver) => {
        clearTimeout(late);
        this.#greetings.delete(connection);
        if (!agent) handlers.refused({ from, name: identity.name, reason });
        else if (this.#agents.get(identity.name) === agent) {
          this.#agents.delete(identity.name);
          handlers.lost(identity.name, reason, isOver);
        }
      },
    });
    this.#greetings.set(connection, identity.name);
    const own = [...this.#greetings].filter(([, name]) => name === identity.name);
    if (own.length > MAX_GREETINGS) own[0]![0].end("too many greetings of the same agent at once");
  }

  #budgetOf(name: string): TokenBucket {
    const known = this.#budgets.get(name);
    if (known) return known;
    const budget = new TokenBucket({ ...WORK, ...this.#options.work, nowMs: performance.now() });
    this.#budgets.set(name, budget);
    return budget;
  }

  #welcome(connection: AgentConnection, identity: Identity): void {
    const { program, instance, epoch, leaseMs, reportMs, handlers } = this.#options;
    connection.send({
      type: "welcome",
      protocol: PROTOCOL,
      program,
      instance,
      epoch,
      leaseMs,
      reportMs,
      ...handlers.announcement(identity),
    });
  }

  /** Adds to the table; returns what is wrong with it. */
  #collect(table: TableEntry[], message: Table, identity: Identity): string | null {
    if (table.length + message.entries.length > (this.#options.maxTableEntries ?? 1 << 17)) {
      return "the table is too long";
    }
    // A server has many sessions: its address is read once.
    let source = "";
    let server: string | null = null;
    for (const entry of message.entries) {
      if (entry.match.source !== source) {
        source = entry.match.source;
        server = addressOf(source);
      }
      if (server === null || !identity.addresses.includes(server)) {
        return `it holds an instruction for ${
          server ?? "no address"
        }, which its certificate does not name`;
      }
      table.push(entry);
    }
    return null;
  }

  /**
   * Why this process may not come in as that agent, or null. Of two with one certificate the first
   * counts for as long as it lives: otherwise they would turn each other out for ever.
   */
  #rival(name: string, instance: string): string | null {
    const agent = this.#agents.get(name);
    if (agent === undefined || agent.info.instance === instance) return null;
    if (agent.connection.silentMs > silentAfterMs(this.#options.reportMs)) return null;
    return `another agent with the certificate of "${name}" is connected, from ${agent.info.from}: ` +
      "stop one of them, or issue it a certificate of its own";
  }

  /** The newest connection of an agent counts: the older one is dead, or about to notice that it is. */
  #enter(agent: Agent, hello: Hello, table: TableEntry[]): void {
    const { name } = agent.info;
    this.#greetings.delete(agent.connection);
    this.#agents.get(name)?.connection.end("replaced by a newer connection of the same agent");
    this.#agents.set(name, agent);
    const { able, reason, unable } = hello;
    this.#options.handlers.connected(agent.info, {
      table,
      able,
      reason,
      ...(unable && { unable }),
    });
  }

  #hear(agent: Agent, message: AgentMessage): void {
    const { type } = message;
    if (
      type === "installed" || type === "stopped" || type === "report" || type === "probed" ||
      type === "health" || type === "captureBegun" || type === "captured" ||
      type === "captureEnded"
    ) {
      this.#options.handlers.message(agent.info.name, message);
    } else agent.connection.end(`${type} came out of turn`);
  }

  #checkSilence(): void {
    const now = performance.now();
    for (const [socket, { deadline }] of [...this.#strangers]) {
      if (now >= deadline) this.#sendAway(socket, "the TLS handshake took too long");
    }
    for (const { connection } of [...this.#agents.values()]) {
      if (connection.silentMs > 3 * this.#options.reportMs + 500) {
        connection.end("three reports were missed");
      }
    }
  }
}

/** An agent that reports every `reportMs` and has not for so long gives no sign of life. */
export function silentAfterMs(reportMs: number): number {
  return 2.5 * reportMs;
}

function listenOn(
  server: Server,
  { address, port }: ControlServerOptions["listen"],
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, () => {
      server.off("error", reject);
      server.on("error", () => {});
      const bound = server.address();
      resolve(typeof bound === "object" && bound ? bound.port : port);
    });
  });
}

function infoOf(identity: Identity, hello: Hello, from: string): ConnectedAgent {
  return { ...identity, instance: hello.instance, program: asReason(hello.program), from };
}

/** The connection under a TLS connection. A failed one has no address of its own any more. */
function tcpOf(socket: TLSSocket): Socket {
  return (socket as unknown as { _parent?: Socket })._parent ?? socket;
}

/** Where a socket comes from. One of both families reports IPv4 addresses in mapped form. */
function placeOf({ remoteAddress, remotePort }: Socket): string {
  if (remoteAddress === undefined || remotePort === undefined) return "a closed connection";
  // Link-local addresses come with a zone, which is no part of an address.
  const address = IpAddress.parse(remoteAddress.replace(/%.*$/, ""));
  return formatEndpoint({ address, port: remotePort });
}

function addressOf(endpoint: string): string | null {
  try {
    return String(parseEndpoint(endpoint).address);
  } catch {
    return null;
  }
}
