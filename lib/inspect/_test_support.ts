/** What the tests of this folder share: a terminal that remembers, a daemon with canned answers, a table. */
import { AdminError, type AdminRequest } from "../control/admin_protocol.ts";
import { AdminServer } from "../control/admin_server.ts";
import { DIRECT, F64, INSTRUCTION, regionBytes, U8 } from "../session/layout.ts";
import { REASON } from "../session/path_reason.ts";
import { formatTable } from "../session/session_records.ts";
import { SessionTable } from "../session/session_table.ts";
import { STATE } from "../session/tcp_state.ts";
import { parseEndpoint } from "../wire/address.ts";
import { protocolNumber } from "../wire/protocol.ts";
import type { SessionsAnswer } from "./answers.ts";
import { inspectCommand, natVerb } from "./commands.ts";
import type { InspectHost } from "./host.ts";
import type { InspectOptions, VerbOptions } from "./options.ts";

/** What a command printed, and its exit status. */
export interface Outcome {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder with sockets and files in it; gone with the test. */
export class Bench implements AsyncDisposable {
  readonly folder: string;
  readonly #servers: AdminServer[] = [];
  /** What the daemons were asked. */
  readonly asked: AdminRequest[] = [];
  /** What stands in for the terminal, as far as it is not the ordinary one. */
  host: Partial<InspectHost> = {};

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<Bench> {
    return new Bench(await Deno.makeTempDir({ prefix: "bypath-inspect-" }));
  }

  get natSocket(): string {
    return `${this.folder}/nat.sock`;
  }
  get agentSocket(): string {
    return `${this.folder}/agent.sock`;
  }

  /** A NAT machine that has these answers and no others. */
  async nat(answers: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#serve(this.natSocket, answers, (verb) => `There is no verb "${verb}"`);
  }

  async agent(answers: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#serve(this.agentSocket, answers, (verb) => `An agent has no ${verb}`);
  }

  async #serve(
    path: string,
    answers: Readonly<Record<string, unknown>>,
    unknown: (verb: string) => string,
  ): Promise<void> {
    this.#servers.push(
      await AdminServer.listen(path, async (request, stream) => {
        this.asked.push(request);
        if (request.follow === true) {
          for (const event of answers.follow as unknown[]) await stream.follow(event);
          // The daemon ends.
          throw new AdminError("stopping");
        }
        const answer = answers[request.verb];
        if (answer === undefined) throw new AdminError(unknown(request.verb), 2);
        return typeof answer === "function" ? await answer(request) : answer;
      }),
    );
  }

  inspect(
    what: InspectOptions["what"],
    options: Partial<InspectOptions> = {},
  ): Promise<Outcome> {
    return this.#run((host) => inspectCommand({ what, json: false, ...options }, host));
  }

  /** The JSON that a command prints. */
  async json<Value>(
    what: InspectOptions["what"],
    options: Partial<InspectOptions> = {},
  ): Promise<Value> {
    return JSON.parse((await this.inspect(what, { json: true, ...options })).stdout) as Value;
  }

  verb(options: Omit<VerbOptions, "json"> & { json?: boolean }): Promise<Outcome> {
    return this.#run((host) => natVerb({ json: false, ...options }, host));
  }

  async #run(command: (host: InspectHost) => Promise<number>): Promise<Outcome> {
    let stdout = "";
    let stderr = "";
    const exit = await command({
      write: (text) => {
        stdout += text;
        return Promise.resolve();
      },
      complain: (line) => {
        stderr += `${line}\n`;
      },
      columns: Infinity,
      lines: Infinity,
      tableRows: Infinity,
      colours: false,
      natSocket: this.natSocket,
      agentSocket: this.agentSocket,
      rateMs: 1,
      answerMs: 5000,
      ...this.host,
    });
    return { exit, stdout, stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) await server[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** A session as a test wants it in the table. */
export interface SeededSession {
  readonly client: string;
  readonly protocol?: "tcp" | "udp";
  readonly vip?: string;
  readonly nat?: string;
  readonly server?: string;
  readonly bypass?: boolean;
  readonly bytes?: number;
  readonly createdMs?: number;
}

const NOW_MS = 100_000;

/** Writes a session table into the folder. Returns the answer of a NAT machine that keeps it. */
export function seedTable(
  folder: string,
  sessions: Iterable<SeededSession>,
  capacity = 1000,
): SessionsAnswer {
  const region = new ArrayBuffer(regionBytes(capacity));
  formatTable(region, capacity, { epoch: 42, bootId: [] });
  const table = new SessionTable(region, [1, 2]);
  let port = 1024;
  for (const session of sessions) insert(table, session, port++);
  const state = `${folder}/nat.sessions`;
  Deno.writeFileSync(state, new Uint8Array(region));
  return {
    state,
    nowMs: NOW_MS,
    services: [
      { name: "web", protocol: "tcp", vip: "203.0.113.10:80" },
      { name: "dns", protocol: "udp", vip: "203.0.113.10:80" },
      { name: "web6", protocol: "tcp", vip: "[2001:db8:f::10]:80" },
    ],
    leases: { "10.0.0.11:8080": 9000 },
  };
}

function insert(table: SessionTable, seeded: SeededSession, natPort: number): void {
  const client = parseEndpoint(seeded.client);
  const isIpv6 = client.address.family === 6;
  const entry = (text: string, withPort: boolean) => {
    const { address, port } = parseEndpoint(text);
    return table.internEndpoint(address.words, 0, withPort ? port : 0);
  };
  const nat = seeded.nat ?? (isIpv6 ? `[2001:db8:1::1]:${natPort}` : `10.0.1.1:${natPort}`);
  const slot = table.insert({
    addresses: client.address.words,
    clientOffset: 0,
    clientPort: client.port,
    vip: entry(seeded.vip ?? (isIpv6 ? "[2001:db8:f::10]:80" : "203.0.113.10:80"), true),
    server: entry(seeded.server ?? (isIpv6 ? "[2001:db8:10::11]:8080" : "10.0.0.11:8080"), true),
    natAddress: entry(nat, false),
    natPort: parseEndpoint(nat).port,
    protocol: protocolNumber(seeded.protocol ?? "tcp"),
    state: STATE.established,
  }, seeded.createdMs ?? 95_000);
  table.setF64(slot, F64.packetsFromClient, 12);
  table.setF64(slot, F64.bytesFromClient, 800);
  table.setF64(slot, F64.packetsViaNat, 40);
  table.setF64(slot, F64.bytesViaNat, seeded.bytes ?? 66_000);
  if (!seeded.bypass) return;
  table.setU8(slot, U8.instruction, INSTRUCTION.installed);
  table.setU8(slot, U8.reason, REASON.bytes);
  table.setReasonValue(slot, 65_536);
  table.setGeneration(slot, 1);
  table.setDirect(slot, DIRECT.packets, 900);
  table.setDirect(slot, DIRECT.bytes, 1_300_000);
}
