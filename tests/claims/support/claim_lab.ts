import { BypathLab } from "../../../lab/bypath_lab.ts";
import type { InspectedInstruction, InspectedSession } from "../../../lab/inspect_json.ts";
import { SERVER_NAMES, type ServerName, type ServiceYaml } from "../../../lab/lab_files.ts";
import { between, readRoads, type RoadCounters } from "../../../lab/roads.ts";
import { ADDRESSES } from "../../../lab/topology.ts";
import { waitFor } from "../../../lab/wait.ts";
import { Curl, type CurlOptions } from "./curl.ts";
import {
  DATAGRAM_PORT,
  DATAGRAM_SERVER_PORT,
  Datagrams,
  startDatagramServer,
} from "./datagrams.ts";
import { FlowCounters, type Protocol, type Responses } from "./flow_counters.ts";
import { NGINX_PORT, type ServedFiles, startNginx, writeFiles } from "./nginx.ts";

/** What most tests of the claims need. */
export const NEEDS = { tools: ["curl", "nginx", "nft"] } as const;

/** How long something that the programs do by themselves may take on a busy host. */
export const PATIENCE_MS = 30_000;

/**
 * Small, so that what a client does not read soon stays with the server (tcp_rmem: least, first and
 * largest size in bytes).
 */
const RECEIVE_BUFFER = "4096 131072 524288";

/** A service at the VIP, for servers that listen on another port. */
export interface ClaimService {
  readonly name: string;
  readonly protocol?: Protocol;
  readonly port: number;
  readonly serverPort?: number;
  readonly servers?: readonly ServerName[];
  readonly start: NonNullable<ServiceYaml["bypass"]>["start"];
  readonly stop?: NonNullable<ServiceYaml["bypass"]>["stop"];
}

export interface ClaimLabOptions {
  readonly services: readonly ClaimService[];
  /** Whose agents run from the beginning; default: all. */
  readonly agents?: readonly ServerName[];
  /** Most instructions of each agent; default: the configuration's. */
  readonly instructions?: number;
}

/** The service of {@linkcode Datagrams}. */
export function datagramService(start: ClaimService["start"]): ClaimService {
  return {
    name: "datagrams",
    protocol: "udp",
    port: DATAGRAM_PORT,
    serverPort: DATAGRAM_SERVER_PORT,
    servers: ["s1"],
    start,
  };
}

/**
 * A lab with real programs in it, nginx on both servers and curl on the client, and with the
 * kernel's counters as the judge.
 */
export class ClaimLab implements AsyncDisposable {
  readonly bypath: BypathLab;
  readonly files: ServedFiles;
  readonly flows: FlowCounters;
  #nextPort = 41_000;

  private constructor(bypath: BypathLab, files: ServedFiles, flows: FlowCounters) {
    this.bypath = bypath;
    this.files = files;
    this.flows = flows;
  }

  static async up(options: ClaimLabOptions): Promise<ClaimLab> {
    const { services, agents = SERVER_NAMES, instructions } = options;
    const bypath = await BypathLab.up();
    try {
      const { lab } = bypath;
      const setBuffer = "echo $0 > /proc/sys/net/ipv4/tcp_rmem";
      await lab.mustRun("client", ["sh", "-c", setBuffer, RECEIVE_BUFFER]);
      const files = await writeFiles(bypath.folder);
      const flows = await FlowCounters.install(lab);
      await Promise.all(SERVER_NAMES.map((server) => startNginx(lab, server)));
      if (services.some(({ serverPort }) => serverPort === DATAGRAM_SERVER_PORT)) {
        await startDatagramServer(lab);
      }
      await bypath.startNat((config) => {
        config.services = services.map(toYaml);
        if (instructions !== undefined) config.control = { ...config.control!, instructions };
      });
      await Promise.all(agents.map((server) => bypath.startAgent(server)));
      return new ClaimLab(bypath, files, flows);
    } catch (error) {
      await bypath.down();
      throw error;
    }
  }

  /** A client port that nobody in this lab has used. */
  nextPort(): number {
    return this.#nextPort++;
  }

  /** Starts a download by curl, from a client port of its own. */
  curl(options: CurlOptions = {}): Curl {
    return new Curl(this.bypath.lab, { localPort: this.nextPort(), ...options });
  }

  /** Starts a UDP client, on a port of its own. */
  datagrams({ port = DATAGRAM_PORT }: { readonly port?: number } = {}): Datagrams {
    return new Datagrams(this.bypath.lab, { port, localPort: this.nextPort() });
  }

  /** The session of a client endpoint, as `inspect sessions` shows it. */
  async session(client: string): Promise<InspectedSession> {
    const session = await this.bypath.sessionOf(client);
    if (session === null) throw new Error(`inspect sessions shows no session of ${client}`);
    return session;
  }

  /** Waits until the session takes that path: the agent has acknowledged its instruction, or the stop. */
  async takes(path: "nat" | "bypass", client: string): Promise<InspectedSession> {
    return await waitFor(`the session of ${client} to take the path ${path}`, async () => {
      const session = await this.bypath.sessionOf(client);
      return session?.path === path && session;
    }, { timeoutMs: PATIENCE_MS });
  }

  /** The instruction for a session on a machine, as `inspect instructions` shows it. */
  async instruction(
    machine: "nat" | ServerName,
    session: string,
  ): Promise<InspectedInstruction | undefined> {
    const instructions = await this.bypath.instructions(machine);
    return instructions.find((each) => each.session === session);
  }

  /** The session's response packets so far, by the way that they took. */
  async responses(client: string, protocol: Protocol = "tcp"): Promise<Responses> {
    return await this.flows.responses(client, protocol);
  }

  /** Begins to watch the interfaces; the function returned tells what they carried since. */
  async watchRoads(): Promise<() => Promise<RoadCounters>> {
    const before = await readRoads(this.bypath.lab);
    return async () => between(before, await readRoads(this.bypath.lab));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bypath.down();
  }
}

/**
 * One lab for all tests of a file: made when the first of them asks for it, removed after the last.
 */
export function sharedLab(options: ClaimLabOptions): () => Promise<ClaimLab> {
  let lab: Promise<ClaimLab> | undefined;
  Deno.test.afterAll(async () => {
    const made = await lab?.catch(() => undefined);
    await made?.[Symbol.asyncDispose]();
  });
  return () => lab ??= ClaimLab.up(options);
}

/** The name of the server that a session is with. */
export function serverOf(session: InspectedSession): ServerName {
  const name = SERVER_NAMES.find((each) => session.server.startsWith(`${ADDRESSES[each]}:`));
  if (name === undefined) throw new Error(`${session.server} is none of the servers`);
  return name;
}

function toYaml(service: ClaimService): ServiceYaml {
  const { name, protocol = "tcp", port, serverPort = NGINX_PORT, start, stop } = service;
  const { servers = SERVER_NAMES } = service;
  return {
    name,
    vip: ADDRESSES.vip,
    protocol,
    port,
    scheduler: "round-robin",
    servers: servers.map((server) => ({ address: ADDRESSES[server], port: serverPort })),
    bypass: { start, ...(stop && { stop }) },
  };
}
