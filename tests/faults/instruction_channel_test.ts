/**
 * Books and a store, joined by the real channel: TLS on loopback, through a cable that can be cut. Two NAT machines, one
 * agent.
 */
import assert from "node:assert/strict";
import { connect, createServer, type Server, type Socket } from "node:net";
import { InstructionStore } from "../../lib/agent/instruction_store.ts";
import { ControlClient } from "../../lib/control/agent_client.ts";
import { ControlServer } from "../../lib/control/agent_server.ts";
import type { Credentials } from "../../lib/control/authenticate.ts";
import { createAuthority, issueCertificate } from "../../lib/control/certificate.ts";
import { NO_COUNTERS } from "../../lib/control/messages.ts";
import { type BookEvent, InstructionBook } from "../../lib/nat/instruction_book.ts";
import { IpAddress } from "../../lib/wire/address.ts";

const LEASE_MS = 1000;
const REPORT_MS = 50;
const now = () => performance.now();
const authority = await createAuthority({ now: new Date() });

async function credentials(name: string, address: string): Promise<Credentials> {
  const addresses = [IpAddress.parse(address)];
  const pair = await issueCertificate(authority, { name, addresses, now: new Date() });
  return { ca: authority.certificate, ...pair };
}

const natCredentials = await credentials("nat", "127.0.0.1");
const agentCredentials = await credentials("s1", "10.0.0.11");

/** Passes bytes on, until it is cut. */
class Cable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #target: number;
  isCut = false;

  constructor(target: number) {
    this.#target = target;
    this.#server = createServer((near) => {
      if (this.isCut) return near.destroy();
      const far = connect({ host: "127.0.0.1", port: this.#target });
      for (const [socket, other] of [[near, far], [far, near]] as const) {
        this.#sockets.add(socket);
        socket.setNoDelay(true);
        socket.on("data", (chunk: Uint8Array) => other.write(chunk));
        socket.on("error", () => {});
        socket.on("close", () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
      }
    });
  }

  open(): Promise<number> {
    return new Promise((resolve) =>
      this.#server.listen(
        0,
        "127.0.0.1",
        () => resolve((this.#server.address() as { port: number }).port),
      )
    );
  }

  cut(): void {
    this.isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): Promise<void> {
    this.cut();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

/** A NAT machine, with its own SNAT address. */
class Nat {
  readonly events: BookEvent[] = [];
  readonly book: InstructionBook;
  readonly server: ControlServer;
  readonly cable: Promise<Cable>;
  readonly index: number;
  #sessions = 0;

  constructor(index: number) {
    this.index = index;
    this.book = new InstructionBook({
      epoch: `epoch-of-${index}`,
      leaseMs: LEASE_MS,
      marginMs: 100,
      firstGeneration: 1,
      send: (agent, message) => this.server.send(agent, message),
      changed: (event) => this.events.push(event),
    });
    this.server = new ControlServer({
      listen: { address: "127.0.0.1", port: 0 },
      credentials: natCredentials,
      program: "test",
      instance: `nat-${index}`,
      epoch: `epoch-of-${index}`,
      leaseMs: LEASE_MS,
      reportMs: REPORT_MS,
      handlers: {
        announcement: () => ({
          snat: [{ first: `10.0.${index}.1`, last: `10.0.${index}.1` }],
          ports: { first: 1024, last: 65535 },
          services: [{ name: "web", protocol: "tcp", vip: "203.0.113.10:80" }],
          servers: ["10.0.0.11:8080"],
        }),
        connected: ({ name, instance }, { table }) => {
          this.book.agentConnected(name, { instance, table, now: now() });
        },
        message: (agent, message) => this.book.message(agent, message, now()),
        lost: (agent) => this.book.agentLost(agent),
        refused: () => {},
      },
    });
    this.cable = this.server.listen().then((port) => new Cable(port));
  }

  /** Sends an instruction for a new session; returns its name. */
  install(): string {
    const session = `n${this.index}-${++this.#sessions}`;
    const generation = this.book.install(
      "s1",
      {
        session,
        protocol: "tcp",
        match: {
          source: "10.0.0.11:8080",
          destination: `10.0.${this.index}.1:${1023 + this.#sessions}`,
        },
        rewrite: {
          source: "203.0.113.10:80",
          destination: `198.51.100.2:${40000 + this.#sessions}`,
        },
      },
      this.#sessions,
      now(),
    );
    assert.notEqual(generation, 0);
    return session;
  }

  installed(): string[] {
    return [...this.book.instructions(now())].filter(({ state }) => state === "installed")
      .map(({ session }) => session).sort();
  }
}

/** An agent whose datapath confirms in the next turn of the event loop. */
class Agent {
  readonly clients = new Map<string, ControlClient>();
  readonly store = new InstructionStore({
    addresses: ["10.0.0.11"],
    capacity: 1000,
    send: (nat, message) => this.clients.get(nat)?.send(message),
    apply: (effect) => {
      if (effect.kind === "lease") return;
      const { kind, id } = effect;
      setTimeout(() => {
        if (kind === "add") this.store.added(id);
        else this.store.removed(id, { ...NO_COUNTERS, packets: id }, { now: now() });
      });
    },
  });

  dial(port: number): void {
    const nat = `127.0.0.1:${port}`;
    const client = new ControlClient({
      nat: { address: IpAddress.parse("127.0.0.1"), port },
      credentials: agentCredentials,
      program: "test",
      instance: "agent",
      able: () => ({ able: true, reason: null }),
      firstPauseMs: 10,
      longestPauseMs: 50,
      handlers: {
        connected: ({ welcome }) => this.store.connected(nat, welcome, now()),
        message: (message) => this.store.message(nat, message, now()),
        lost: () => this.store.lost(nat),
        failed: () => {},
      },
    });
    this.clients.set(nat, client);
    client.start();
  }

  live(): string[] {
    return [...this.store.instructions(now())].filter(({ state }) => state === "live")
      .map(({ session }) => session).sort();
  }
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = now() + 10_000;
  while (!condition()) {
    if (now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const sorted = (...lists: string[][]) => JSON.stringify(lists.flat().sort());

Deno.test("instructions of two NAT machines live and end over a channel that is cut and comes back", async () => {
  const nats = [new Nat(1), new Nat(2)] as const;
  const [first, second] = nats;
  const agent = new Agent();
  const cables = await Promise.all(nats.map((nat) => nat.cable));
  for (const cable of cables) agent.dial(await cable.open());
  const ticks = setInterval(() => {
    agent.store.tick(now());
    for (const nat of nats) nat.book.tick(now());
  }, 10);
  const reports = setInterval(() => agent.store.report(now()), REPORT_MS);
  const agreed = () => sorted(agent.live()) === sorted(first.installed(), second.installed());
  try {
    const isReady = (nat: Nat) => [...nat.server.agents()].length === 1;
    await until("both connected", () => nats.every(isReady));

    for (let i = 0; i < 20; i++) nats[i & 1]!.install();
    await until("all installed", () => first.installed().length + second.installed().length === 20);
    assert.ok(agreed());

    first.book.stop("n1-1", now());
    second.book.stop("n2-1", now());
    await until("two ended", () => first.book.size + second.book.size === 18);
    const ended = first.events.find(({ kind }) => kind === "ended")!;
    assert.equal(ended.kind === "ended" && ended.cause, "stopped");
    assert.ok(ended.counters.packets > 0);

    // Sent into the cut, or while it is cut: neither is lost track of.
    const late = first.install();
    cables[0]!.cut();
    first.book.stop("n1-2", now());
    await until("noticed", () => !isReady(first));
    cables[0]!.isCut = false;
    await until("connected again", () => isReady(first));
    await until("stopped after all", () => first.book.state("n1-2", now()) === null);
    await until(
      "agreed about the late one",
      () => agreed() && first.book.state(late, now())?.state !== "sent",
    );

    // Cut for longer than the lease: everything of that machine ends, and nothing of the other.
    const kept = second.installed();
    cables[0]!.cut();
    await until("lapsed", () => first.book.size === 0);
    assert.deepEqual(agent.live(), kept);
    const causes = first.events.filter((event) => event.kind === "ended").map(({ cause }) => cause);
    assert.ok(causes.includes("lapsed"));
    assert.deepEqual(second.installed(), kept);
  } finally {
    clearInterval(ticks);
    clearInterval(reports);
    for (const client of agent.clients.values()) client.stop("test is over");
    for (const nat of nats) await nat.server.close("test is over");
    for (const cable of cables) await cable.close();
    // What the datapath has not confirmed yet.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});
