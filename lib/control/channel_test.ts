import assert from "node:assert/strict";
import { connect as connectTcp } from "node:net";
import { connect as connectTls, createServer, type TLSSocket } from "node:tls";
import { IpAddress } from "../wire/address.ts";
import { ControlClient, type ControlClientOptions } from "./agent_client.ts";
import { ControlServer, type ControlServerOptions } from "./agent_server.ts";
import type { Credentials } from "./authenticate.ts";
import { createAuthority, issueCertificate, type KeyPair, type Role } from "./certificate.ts";
import { decodeNatMessage, encodeMessage } from "./codec.ts";
import type {
  AgentMessage,
  Install,
  Instruction,
  NatMessage,
  TableEntry,
  Welcome,
} from "./messages.ts";
import { AGENT_STOPS, inBatches, NO_COUNTERS } from "./messages.ts";

const now = new Date();
const authority = await createAuthority({ now });
const strangersAuthority = await createAuthority({ now });

async function credentials(
  name: string,
  options: { address?: string; role?: Role; days?: number; signedBy?: KeyPair; trusts?: KeyPair },
): Promise<Credentials> {
  const { signedBy = authority, trusts = authority } = options;
  const pair = await issueCertificate(signedBy, {
    name,
    addresses: [IpAddress.parse(options.address ?? "127.0.0.1")],
    role: options.role ?? "any",
    now,
    ...(options.days === undefined ? {} : { days: options.days }),
  });
  return { ca: trusts.certificate, ...pair };
}

const natCredentials = await credentials("nat", { role: "nat" });
const agentCredentials = await credentials("s1", { address: "10.0.0.11", role: "agent" });

const instruction: Instruction = {
  session: "a1",
  generation: 7,
  protocol: "tcp",
  match: { source: "10.0.0.11:8080", destination: "10.0.1.1:1024" },
  rewrite: { source: "203.0.113.10:80", destination: "198.51.100.2:40000" },
};

/** A list that can be waited for. */
class Log<T> {
  readonly items: T[] = [];
  #waiting: { count: number; resolve: () => void }[] = [];

  add(item: T): void {
    this.items.push(item);
    this.#waiting = this.#waiting.filter(({ count, resolve }) => {
      if (this.items.length < count) return true;
      resolve();
      return false;
    });
  }

  /** The item with this index, when it is there. */
  async at(index: number): Promise<T> {
    if (this.items.length <= index) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      await Promise.race([
        new Promise<void>((resolve) => this.#waiting.push({ count: index + 1, resolve })),
        new Promise((_, reject) => {
          const why = new Error(`waited for item ${index}, have ${JSON.stringify(this.items)}`);
          timer = setTimeout(() => reject(why), 10_000);
        }),
      ]).finally(() => clearTimeout(timer));
    }
    return this.items[index]!;
  }
}

interface Nat {
  readonly server: ControlServer;
  readonly port: number;
  readonly connected: Log<{ name: string; from: string; table: TableEntry[]; able: boolean }>;
  readonly messages: Log<{ agent: string; message: AgentMessage }>;
  readonly lost: Log<{ agent: string; reason: string }>;
  readonly refused: Log<{ name: string | null; reason: string }>;
}

async function startNat(changes: Partial<ControlServerOptions> = {}, port = 0): Promise<Nat> {
  const connected: Nat["connected"] = new Log();
  const messages: Nat["messages"] = new Log();
  const lost: Nat["lost"] = new Log();
  const refused: Nat["refused"] = new Log();
  const server = new ControlServer({
    listen: { address: "127.0.0.1", port },
    credentials: natCredentials,
    program: "bypath test",
    instance: "n1",
    epoch: "e1",
    leaseMs: 10_000,
    reportMs: 1000,
    handlers: {
      announcement: ({ addresses }) => ({
        snat: [{ first: "10.0.1.0", last: "10.0.1.255" }],
        ports: { first: 1024, last: 65535 },
        services: [{ name: "web", protocol: "tcp", vip: "203.0.113.10:80" }],
        servers: addresses.map((address) => `${address}:8080`),
      }),
      connected: ({ name, from }, { table, able }) => connected.add({ name, from, table, able }),
      message: (agent, message) => messages.add({ agent, message }),
      lost: (agent, reason) => lost.add({ agent, reason }),
      refused: ({ name, reason }) => refused.add({ name, reason }),
    },
    ...changes,
  });
  return { server, port: await server.listen(), connected, messages, lost, refused };
}

interface Agent {
  readonly client: ControlClient;
  readonly connected: Log<{ name: string; welcome: Welcome }>;
  readonly messages: Log<NatMessage>;
  readonly lost: Log<string>;
  readonly failed: Log<string>;
}

function startAgent(port: number, changes: Partial<ControlClientOptions> = {}): Agent {
  const connected: Agent["connected"] = new Log();
  const messages: Agent["messages"] = new Log();
  const lost: Agent["lost"] = new Log();
  const failed: Agent["failed"] = new Log();
  const client = new ControlClient({
    nat: { address: IpAddress.parse("127.0.0.1"), port },
    credentials: agentCredentials,
    program: "bypath test",
    instance: "i1",
    able: () => ({ able: true, reason: null }),
    firstPauseMs: 20,
    longestPauseMs: 100,
    handlers: {
      connected: (nat) => {
        client.send(emptyTable);
        client.send(report(1));
        connected.add(nat);
      },
      message: (message) => messages.add(message),
      lost: (reason) => lost.add(reason),
      failed: (reason) => failed.add(reason),
    },
    ...changes,
  });
  client.start();
  return { client, connected, messages, lost, failed };
}

/** Ends both sides and waits until nothing is left. */
async function stop(nat: Nat, ...agents: Agent[]): Promise<void> {
  for (const { client } of agents) client.stop("test is over");
  await nat.server.close("test is over");
}

/** A connection with good or bad credentials that sends what it likes. */
class RawAgent {
  readonly socket: TLSSocket;
  readonly lines: Log<string> = new Log();
  readonly closed: Promise<void>;
  #text = "";

  constructor(port: number, shown: Credentials | null = agentCredentials) {
    this.socket = connectTls({
      host: "127.0.0.1",
      port,
      ...(shown ? { cert: shown.certificate, key: shown.key } : {}),
      rejectUnauthorized: false,
    });
    this.socket.on("error", () => {});
    this.socket.on("data", (chunk: Uint8Array) => {
      this.#text += new TextDecoder().decode(chunk);
      const lines = this.#text.split("\n");
      this.#text = lines.pop()!;
      for (const line of lines) this.lines.add(line);
    });
    this.closed = new Promise((resolve) => this.socket.once("close", () => resolve()));
  }

  send(...lines: (AgentMessage | string | Uint8Array)[]): void {
    for (const line of lines) {
      if (typeof line === "string" || line instanceof Uint8Array) this.socket.write(line);
      else this.socket.write(encodeMessage(line));
    }
  }

  async message(index: number): Promise<NatMessage> {
    const decoded = decodeNatMessage(await this.lines.at(index));
    assert.equal(decoded.kind, "message");
    return (decoded as { message: NatMessage }).message;
  }
}

const hello: AgentMessage = {
  type: "hello",
  protocol: 1,
  program: "raw",
  instance: "r1",
  able: true,
  reason: null,
};
const installed: AgentMessage = {
  type: "installed",
  entries: [{ session: "a1", generation: 7 }],
  refused: [],
};
const welcome: NatMessage = {
  type: "welcome",
  protocol: 1,
  program: "test",
  instance: "n1",
  epoch: "e1",
  leaseMs: 10_000,
  reportMs: 1_000,
  snat: [],
  ports: { first: 1, last: 2 },
  services: [],
  servers: [],
};
const emptyTable: AgentMessage = { type: "table", entries: [], last: true };
const report = (nonce: number): AgentMessage => ({
  type: "report",
  nonce,
  able: true,
  reason: null,
  entries: [],
});

Deno.test("an agent and a NAT machine greet each other and exchange messages", async () => {
  const nat = await startNat();
  const agent = startAgent(nat.port);
  const { name, welcome } = await agent.connected.at(0);
  assert.equal(name, "nat");
  assert.equal(welcome.epoch, "e1");
  assert.deepEqual(welcome.servers, ["10.0.0.11:8080"]);
  const known = await nat.connected.at(0);
  assert.equal(known.name, "s1");
  assert.deepEqual(known.table, []);
  assert.deepEqual([...nat.server.agents()].map(({ name, addresses }) => ({ name, addresses })), [
    { name: "s1", addresses: ["10.0.0.11"] },
  ]);
  const install: Install = { type: "install", nonce: 1, entries: [instruction] };
  nat.server.send("s1", install);
  assert.deepEqual(await agent.messages.at(0), install);
  agent.client.send(installed);
  assert.deepEqual(await nat.messages.at(1), { agent: "s1", message: installed });
  nat.server.announce();
  assert.equal((await agent.messages.at(1)).type, "policy");
  nat.server.send("nobody", install);
  await stop(nat, agent);
  assert.equal((await nat.lost.at(0)).agent, "s1");
  assert.deepEqual(nat.refused.items, []);
});

Deno.test("agents come over IPv6, and over either family where the NAT machine listens on ::", async () => {
  const loopback = { address: IpAddress.parse("::1"), port: 0 };
  const credentialsOf = async (address: string) =>
    await credentials("nat", { role: "nat", address });
  const six = await startNat({
    listen: { address: "::1", port: 0 },
    credentials: await credentialsOf("::1"),
  });
  const agent = startAgent(six.port, { nat: { ...loopback, port: six.port } });
  assert.equal((await agent.connected.at(0)).name, "nat");
  assert.match((await six.connected.at(0)).from, /^\[::1\]:\d+$/);
  await stop(six, agent);

  const both = await startNat({ listen: { address: "::", port: 0 } });
  const four = startAgent(both.port);
  assert.equal((await four.connected.at(0)).name, "nat");
  assert.match((await both.connected.at(0)).from, /^127\.0\.0\.1:\d+$/);
  await stop(both, four);
});

Deno.test("what is held is told before anything else, in as many messages as it takes", async () => {
  const nat = await startNat();
  const entry = (n: number): TableEntry => ({
    ...instruction,
    session: `s${n}`,
    epoch: "e0",
    ...NO_COUNTERS,
  });
  const raw = new RawAgent(nat.port);
  raw.send(hello);
  await raw.message(0);
  raw.send({ type: "table", entries: [entry(1), entry(2)], last: false });
  raw.send({ type: "table", entries: [entry(3)], last: true }, report(1));
  assert.deepEqual((await nat.connected.at(0)).table.map(({ session }) => session), [
    "s1",
    "s2",
    "s3",
  ]);
  await nat.messages.at(0);
  await stop(nat);
  await raw.closed;
});

const refusals: {
  what: string;
  agent: Promise<Credentials>;
  nat?: Promise<Credentials>;
  natSays: RegExp;
  agentSays: RegExp;
}[] = [
  {
    what: "an agent's certificate of another authority",
    agent: credentials("s1", { signedBy: strangersAuthority }),
    natSays: /^the certificate of "s1" is signed by another authority$/,
    agentSays:
      /^the other side ended the connection: the certificate of "s1" is signed by another authority$/,
  },
  {
    what: "an agent's certificate that has ended",
    agent: credentials("s1", { days: -0.5 }),
    natSays: /^the certificate of "s1" ended on /,
    agentSays: /^the other side ended the connection: the certificate of "s1" ended on /,
  },
  {
    what: "a NAT machine's certificate shown by an agent",
    agent: credentials("s1", { role: "nat" }),
    natSays: /^the certificate of "s1" is not one of an agent$/,
    agentSays: /the certificate of "s1" is not one of an agent$/,
  },
  {
    what: "a NAT machine's certificate of another authority",
    agent: credentials("s1", {}),
    nat: credentials("nat", { signedBy: strangersAuthority }),
    natSays: /^the other side .*: the certificate of "nat" is signed by another authority$/,
    agentSays: /^the certificate of "nat" is signed by another authority$/,
  },
  {
    what: "a NAT machine's certificate that names another address",
    agent: credentials("s1", {}),
    nat: credentials("nat", { address: "10.0.0.1" }),
    natSays: /^the other side .*: the certificate of "nat" does not name 127\.0\.0\.1$/,
    agentSays: /^the certificate of "nat" does not name 127\.0\.0\.1$/,
  },
  {
    what: "an agent's certificate shown by a NAT machine",
    agent: credentials("s1", {}),
    nat: credentials("nat", { role: "agent" }),
    natSays: /^the other side .*: the certificate of "nat" is not one of a NAT machine$/,
    agentSays: /^the certificate of "nat" is not one of a NAT machine$/,
  },
];

for (const { what, agent, nat: natShows, natSays, agentSays } of refusals) {
  Deno.test(`${what} is refused, with one clear reason`, async () => {
    const nat = await startNat({ credentials: await (natShows ?? natCredentials) });
    const dialler = startAgent(nat.port, { credentials: await agent });
    assert.match(await dialler.failed.at(0), agentSays);
    const { reason } = await nat.refused.at(0);
    assert.match(reason, natSays);
    // Several attempts later it is still one line.
    await nat.refused.at(3);
    assert.equal(dialler.failed.items.length, 1);
    assert.deepEqual(nat.connected.items, []);
    assert.deepEqual(dialler.connected.items, []);
    await stop(nat, dialler);
  });
}

Deno.test("who shows no certificate, or speaks no TLS, is refused", async () => {
  const nat = await startNat();
  const nameless = new RawAgent(nat.port, null);
  await nameless.closed;
  assert.match((await nat.refused.at(0)).reason, /certificate/);
  const plain = connectTcp({ host: "127.0.0.1", port: nat.port });
  plain.on("error", () => {});
  plain.resume();
  plain.write("GET / HTTP/1.1\r\n\r\n");
  await new Promise((resolve) => plain.once("close", resolve));
  assert.match((await nat.refused.at(1)).reason, /^TLS handshake failed: /);
  assert.equal(nat.refused.items.length, 2);
  await stop(nat);
});

Deno.test("TLS 1.2 is refused", async () => {
  const nat = await startNat();
  const old = connectTls({
    host: "127.0.0.1",
    port: nat.port,
    cert: agentCredentials.certificate,
    key: agentCredentials.key,
    rejectUnauthorized: false,
    maxVersion: "TLSv1.2",
  });
  await new Promise<void>((resolve) => old.once("error", () => resolve()));
  old.destroy();
  assert.match((await nat.refused.at(0)).reason, /^TLS handshake failed: /);
  await stop(nat);
});

Deno.test("a message that is malformed or out of turn ends that connection with a reason, and no other", async () => {
  const nat = await startNat();
  const steady = startAgent(nat.port);
  await nat.connected.at(0);
  const other = await credentials("s2", { address: "10.0.0.12" });
  const greeted = [hello, emptyTable, report(1)];
  const cases: [string, (AgentMessage | string | Uint8Array)[], RegExp][] = [
    ["empty line", ["\n"], /^malformed message: not JSON$/],
    ["no JSON", ["hello\n"], /^malformed message: not JSON$/],
    ["NUL bytes", [new Uint8Array(64), "\n"], /^malformed message: not JSON$/],
    ["not UTF-8", [Uint8Array.of(0xff, 0xfe, 0x0a)], /^malformed message: line is not UTF-8$/],
    ["unknown type", ['{"type":"hack"}\n'], /^malformed message: unknown type$/],
    ["the NAT machine's type", ['{"type":"grant","nonce":1}\n'], /unknown type$/],
    ["unknown key", ['{"type":"bye","reason":"","x":1}\n'], /^malformed message: bye: /],
    ["doubled key", ['{"type":"bye","reason":"a","reason":"b"}\n'], /not in canonical form$/],
    ["a line too long", ["x".repeat(256 * 1024 + 1)], /line longer than 262144 bytes$/],
    ["another version", ['{"type":"hello","protocol":9,"program":"x"}\n'], /protocol 9 is not/],
    ["report first", [report(1)], /^report came out of turn$/],
    ["table first", [emptyTable], /^table came out of turn$/],
    ["hello twice", [hello, hello], /^hello came out of turn$/],
    ["report before the table", [hello, report(1)], /^report came out of turn$/],
    ["table twice", [hello, emptyTable, emptyTable], /^table came out of turn$/],
    ["acknowledgement before the report", [hello, emptyTable, installed], /^installed came out/],
    ["table later", [...greeted, emptyTable], /^table came out of turn$/],
    ["hello later", [...greeted, hello], /^hello came out of turn$/],
    ["rubbish later", [...greeted, "}{\n"], /^malformed message: not JSON$/],
    [
      "an instruction of another server",
      [hello, {
        type: "table",
        entries: [{ ...instruction, epoch: "e1", ...NO_COUNTERS }],
        last: true,
      }],
      /^it holds an instruction for 10\.0\.0\.11, which its certificate does not name$/,
    ],
  ];
  let lost = 0;
  let refused = 0;
  for (const [what, sent, reason] of cases) {
    const raw = new RawAgent(nat.port, other);
    raw.send(...sent);
    await raw.closed;
    const isLater: boolean = (sent[2] as AgentMessage | undefined)?.type === "report";
    const told: string = isLater
      ? (await nat.lost.at(lost++)).reason
      : (await nat.refused.at(refused++)).reason;
    assert.match(told, reason, what);
    const bye = JSON.parse(raw.lines.items.at(-1)!);
    assert.deepEqual(bye, { type: "bye", reason: told }, what);
  }
  assert.deepEqual(nat.lost.items.filter(({ agent }) => agent === "s1"), []);
  assert.equal(steady.client.isConnected, true);
  await stop(nat, steady);
});

Deno.test("a table larger than what a reader may leave unread goes out whole", async () => {
  const entries: TableEntry[] = Array(60_000).fill({ ...instruction, epoch: "e1", ...NO_COUNTERS });
  let sentBytes = 0;
  let readBytes = 0;
  const whole = Promise.withResolvers<void>();
  const { ca, certificate: cert, key } = natCredentials;
  const nat = createServer({ ca, cert, key, requestCert: true }, (socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.write(encodeMessage(welcome)));
    socket.on("data", (chunk: Uint8Array) => {
      readBytes += chunk.length;
      if (sentBytes > 0 && readBytes >= sentBytes) whole.resolve();
    });
  });
  const port = await new Promise<number>((resolve) =>
    nat.listen(0, "127.0.0.1", () => resolve((nat.address() as { port: number }).port))
  );
  const agent = startAgent(port, {
    handlers: {
      connected: () => {
        for (const batch of inBatches(entries)) {
          const table: AgentMessage = { type: "table", entries: batch, last: false };
          sentBytes += encodeMessage(table).length;
          agent.client.send(table);
        }
      },
      message: () => {},
      lost: (reason) => whole.reject(new Error(reason)),
      failed: (reason) => whole.reject(new Error(reason)),
    },
  });
  await whole.promise;
  assert.ok(sentBytes > 8 * 1024 * 1024, `${sentBytes} bytes`);
  agent.client.stop("test is over");
  await new Promise((resolve) => nat.close(resolve));
});

Deno.test("a table without end is cut off", async () => {
  const nat = await startNat({ maxTableEntries: 1000 });
  const raw = new RawAgent(nat.port);
  raw.send(hello);
  const entries = Array(400).fill({ ...instruction, epoch: "e1", ...NO_COUNTERS });
  for (let i = 0; i < 3; i++) raw.send({ type: "table", entries, last: false });
  await raw.closed;
  assert.equal((await nat.refused.at(0)).reason, "the table is too long");
  await stop(nat);
});

Deno.test("a greeting has a deadline: before TLS, before hello, before the table's end, one byte at a time", async () => {
  const nat = await startNat({ greetingMs: 300, reportMs: 100 });
  const silent = connectTcp({ host: "127.0.0.1", port: nat.port });
  silent.on("error", () => {});
  await new Promise((resolve) => silent.once("close", resolve));
  assert.equal((await nat.refused.at(0)).reason, "the TLS handshake took too long");
  const mute = new RawAgent(nat.port);
  await mute.closed;
  assert.equal((await nat.refused.at(1)).reason, "the greeting took too long");
  const slow = new RawAgent(nat.port);
  slow.send(hello);
  const drip = setInterval(() => slow.send("{"), 20);
  await slow.closed;
  clearInterval(drip);
  assert.equal((await nat.refused.at(2)).reason, "the greeting took too long");
  await stop(nat);
});

Deno.test("an agent that goes silent is disconnected, however many bytes it drips", async () => {
  const nat = await startNat({ reportMs: 50 });
  const raw = new RawAgent(nat.port);
  raw.send(hello, emptyTable, report(1));
  await nat.connected.at(0);
  const drip = setInterval(() => raw.send(" "), 20);
  await raw.closed;
  clearInterval(drip);
  assert.equal((await nat.lost.at(0)).reason, "three reports were missed");
  await stop(nat);
});

Deno.test("an agent notices a NAT machine that answers no more", async () => {
  const nat = await startNat({ reportMs: 50 });
  const agent = startAgent(nat.port);
  await nat.connected.at(0);
  // The server hears reports, but nobody grants anything.
  const reports = setInterval(() => agent.client.send(report(1)), 20);
  assert.match(await agent.lost.at(0), /^three reports went unanswered$/);
  clearInterval(reports);
  await stop(nat, agent);
});

Deno.test("half-open connections are bounded, and do not keep agents out or disturb them", async () => {
  const nat = await startNat({ maxStrangers: 16 });
  const first = startAgent(nat.port);
  await nat.connected.at(0);
  const flood = Array.from({ length: 200 }, () => {
    const socket = connectTcp({ host: "127.0.0.1", port: nat.port });
    socket.on("error", () => {});
    return socket;
  });
  const second = startAgent(nat.port, {
    credentials: await credentials("s2", { address: "10.0.0.12" }),
  });
  assert.equal((await nat.connected.at(1)).name, "s2");
  await nat.refused.at(183);
  assert.match(nat.refused.items[0]!.reason, /^too many connections without certificate/);
  assert.deepEqual(nat.lost.items, []);
  for (const socket of flood) socket.destroy();
  await stop(nat, first, second);
});

Deno.test("an agent that does not read is disconnected, and memory stays bounded", async () => {
  const nat = await startNat();
  const raw = new RawAgent(nat.port);
  raw.send(hello, emptyTable, report(1));
  await nat.connected.at(0);
  await raw.message(0);
  raw.socket.pause();
  const entries = Array(500).fill(instruction);
  for (let i = 0; i < 2000 && nat.lost.items.length === 0; i++) {
    nat.server.send("s1", { type: "install", nonce: 1, entries });
    if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.equal((await nat.lost.at(0)).reason, "the other side does not read");
  raw.socket.destroy();
  await stop(nat);
});

Deno.test("of two agents with one certificate the second is refused while the first lives", async () => {
  const nat = await startNat({ reportMs: 100 });
  const first = new RawAgent(nat.port);
  first.send(hello, emptyTable, report(1));
  await nat.connected.at(0);
  const second = new RawAgent(nat.port);
  second.send({ ...hello, instance: "i2" });
  const answer = await second.message(0);
  assert.equal(answer.type, "bye");
  const reason = answer.type === "bye" ? answer.reason : "";
  assert.match(
    reason,
    /^another agent with the certificate of "s1" is connected, from 127\.0\.0\.1:/,
  );
  assert.deepEqual(await nat.refused.at(0), { name: "s1", reason });
  await second.closed;
  assert.deepEqual(nat.lost.items, []);

  // The first says nothing any more: the second takes over.
  await new Promise((resolve) => setTimeout(resolve, 300));
  const third = new RawAgent(nat.port);
  third.send({ ...hello, instance: "i2" }, emptyTable, report(1));
  await nat.connected.at(1);
  await first.closed;
  await stop(nat);
});

Deno.test("an agent whose process ends is told from one that only ends a connection", async () => {
  const over: boolean[] = [];
  const lost = new Log<string>();
  const nat = await startNat({
    handlers: {
      announcement: () => ({ snat: [], ports: { first: 1, last: 2 }, services: [], servers: [] }),
      connected: () => {},
      message: () => {},
      lost: (_agent, reason, isOver) => {
        over.push(isOver);
        lost.add(reason);
      },
      refused: () => {},
    },
  });
  const polite = new RawAgent(nat.port);
  polite.send(hello, emptyTable, report(1), { type: "bye", reason: "enough" });
  await lost.at(0);
  const stopped = new RawAgent(nat.port);
  stopped.send(hello, emptyTable, report(1), { type: "bye", reason: AGENT_STOPS });
  await lost.at(1);
  const killed = new RawAgent(nat.port);
  killed.send(hello, emptyTable, report(1));
  await killed.message(0);
  killed.socket.destroy();
  await lost.at(2);
  assert.deepEqual(over, [false, true, true]);
  await stop(nat);
});

Deno.test("the newest connection of an agent replaces the older one", async () => {
  const nat = await startNat();
  const old = new RawAgent(nat.port);
  old.send(hello, emptyTable, report(1));
  await nat.connected.at(0);
  const young = new RawAgent(nat.port);
  young.send(hello, emptyTable, report(1));
  await nat.connected.at(1);
  assert.deepEqual(nat.lost.items, [
    { agent: "s1", reason: "replaced by a newer connection of the same agent" },
  ]);
  await old.closed;
  old.send(report(2));
  await nat.messages.at(1);
  nat.server.send("s1", { type: "grant", nonce: 1 });
  assert.deepEqual(await young.message(1), { type: "grant", nonce: 1 });
  await stop(nat);
  assert.deepEqual(nat.messages.items.map(({ message }) => message), [report(1), report(1)]);
});

Deno.test("an agent comes back when the NAT machine does, with growing pauses between", async () => {
  const nat = await startNat();
  const agent = startAgent(nat.port);
  await nat.connected.at(0);
  await nat.server.close("restarting");
  assert.match(await agent.lost.at(0), /^the other side ended the connection: restarting$/);
  assert.match(await agent.failed.at(0), /^connection refused$/);
  const again = await startNat({}, nat.port);
  await again.connected.at(0);
  await agent.connected.at(1);
  await stop(again, agent);
});

Deno.test("one agent serves several NAT machines", async () => {
  const nats = [await startNat(), await startNat({ epoch: "e2" })];
  const agents = nats.map((nat) => startAgent(nat.port));
  for (const [i, nat] of nats.entries()) {
    await nat.connected.at(0);
    assert.equal((await agents[i]!.connected.at(0)).welcome.epoch, `e${i + 1}`);
  }
  await stop(nats[0]!, agents[0]!);
  agents[1]!.client.send(report(3));
  await nats[1]!.messages.at(1);
  await stop(nats[1]!, agents[1]!);
});

Deno.test("what the agent's handlers cannot read ends the connection with their reason", async () => {
  const nat = await startNat();
  const agent = startAgent(nat.port, {
    handlers: {
      connected: () => {
        throw new SyntaxError("Cannot read the announcement");
      },
      message: () => {},
      lost: () => {},
      failed: () => {},
    },
  });
  const { reason } = await nat.refused.at(0);
  assert.equal(reason, "the other side ended the connection: Cannot read the announcement");
  await stop(nat, agent);
});

Deno.test("an instruction is answered within a fraction of a millisecond on loopback, burst or not", async () => {
  const nat = await startNat();
  const agent: Agent = startAgent(nat.port, {
    handlers: {
      connected: () => {
        agent.client.send(emptyTable);
        agent.client.send(report(1));
      },
      message: (message) => {
        if (message.type !== "install") return;
        for (const { session, generation } of message.entries) {
          agent.client.send({ type: "installed", entries: [{ session, generation }], refused: [] });
        }
      },
      lost: () => {},
      failed: () => {},
    },
  });
  await nat.connected.at(0);
  const times: number[] = [];
  for (let i = 0; i < 300; i++) {
    const started = performance.now();
    const generation = i + 1;
    nat.server.send("s1", {
      type: "install",
      nonce: 1,
      entries: [{ ...instruction, generation }],
    });
    await nat.messages.at(i + 1);
    times.push(performance.now() - started);
  }
  const median = times.sort((a, b) => a - b)[150]!;
  // Nagle's algorithm with delayed acknowledgements would make it 40 ms.
  assert.ok(median < 10, `median ${median} ms`);
  console.log(`    median ${median.toFixed(2)} ms, 99 % ${times[297]!.toFixed(2)} ms`);
  const burst = 5000;
  const started = performance.now();
  for (let i = 0; i < burst; i++) {
    nat.server.send("s1", {
      type: "install",
      nonce: 1,
      entries: [{ ...instruction, generation: 1000 + i }],
    });
  }
  const answered: number[] = [];
  let messages = 0;
  while (answered.length < burst) {
    const { message } = await nat.messages.at(301 + messages++);
    assert.ok(message.type === "installed");
    answered.push(...message.entries.map(({ generation }) => generation));
  }
  console.log(`    ${burst} in one turn: ${(performance.now() - started).toFixed(0)} ms`);
  assert.deepEqual(answered, Array.from({ length: burst }, (_, i) => 1000 + i));
  assert.ok(messages <= burst / 50, `${messages} messages`);
  await stop(nat, agent);
});

Deno.test("an agent that floods is held back, and others are heard meanwhile", async () => {
  const other = await credentials("s2", { address: "10.0.0.12", role: "agent" });
  const heldBack = new Log<string>();
  const heard = new Log<string>();
  let flooded = 0;
  const quiet = () => {};
  const nat = await startNat({
    work: { perSecond: 100, burst: 50 },
    handlers: {
      announcement: () => ({ snat: [], ports: { first: 1, last: 2 }, services: [], servers: [] }),
      connected: ({ name }) => heard.add(name),
      message: (agent) => agent === "s1" ? flooded++ : heard.add(agent),
      lost: quiet,
      refused: quiet,
      heldBack: (agent) => heldBack.add(agent),
    },
  });
  const flooder = new RawAgent(nat.port);
  flooder.send(hello, emptyTable, encodeMessage(report(1)).repeat(100_000));
  assert.equal(await heldBack.at(0), "s1");
  assert.equal(await heard.at(0), "s1");
  const agent = startAgent(nat.port, { credentials: other });
  await agent.connected.at(0);
  // Connected, and its first report.
  assert.equal(await heard.at(2), "s2");
  assert.ok(flooded < 100_000, "the flood was read to its end before anybody else was heard");
  flooder.socket.destroy();
  await stop(nat, agent);
});

Deno.test("who connects again and again from one address is refused before the handshake", async () => {
  const nat = await startNat({ arrivals: { perSecond: 0, burst: 2 } });
  const first = startAgent(nat.port);
  await first.connected.at(0);
  const strangers = [new RawAgent(nat.port, null), new RawAgent(nat.port), new RawAgent(nat.port)];
  const reasons = [0, 1, 2].map(async (i) => (await nat.refused.at(i)).reason);
  assert.deepEqual((await Promise.all(reasons)).sort(), [
    "it showed no certificate",
    "too many connections from this address",
    "too many connections from this address",
  ]);
  await Promise.all(strangers.map(({ closed }) => closed));
  assert.equal([...nat.server.agents()].length, 1);
  await stop(nat, first);
});

Deno.test("an agent that greets a third time before it has finished loses the first greeting", async () => {
  const nat = await startNat();
  const greeting = () => {
    const agent = new RawAgent(nat.port);
    agent.send(hello);
    return agent;
  };
  const first = greeting();
  assert.equal((await first.message(0)).type, "welcome");
  const others = [greeting(), greeting()];
  const reason = "too many greetings of the same agent at once";
  assert.deepEqual(await first.message(1), { type: "bye", reason });
  await first.closed;
  assert.deepEqual(await nat.refused.at(0), { name: "s1", reason });
  for (const each of others) each.socket.destroy();
  await Promise.all(others.map(({ closed }) => closed));
  await stop(nat);
});
