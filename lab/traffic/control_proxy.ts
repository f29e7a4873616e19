import { connect as dial, createServer, type Socket } from "node:net";
import { connect as dialTls, createServer as createTlsServer } from "node:tls";
import { tlsOptions } from "../../lib/control/authenticate.ts";
import { LineDecoder } from "../../lib/control/line_decoder.ts";
import { MAX_LINE_BYTES } from "../../lib/control/messages.ts";
import { readCredentials } from "./credentials.ts";
import { MessageFaults, type MessageFaultShares, NO_FAULTS } from "./message_faults.ts";
import { announce, parseListen } from "./program.ts";

export interface ControlProxyArguments {
  readonly listen: string;
  readonly connect: string;
  /** How much later each byte arrives, either way. */
  readonly delayMs: number;
  /**
   * The lab's keys, and whose agent this is for: the proxy then ends TLS on both sides and does its
   * harm to whole messages. Without, bytes pass as they are.
   */
  readonly keys?: { readonly folder: string; readonly agent: string };
  readonly faults: MessageFaultShares;
  readonly seed: number;
}

/** The two sockets of one connection. */
interface Pair {
  readonly agent: Socket;
  readonly nat: Socket;
}

/**
 * `control-proxy ADDRESS:PORT --listen ADDRESS:PORT`: stands between an agent and its NAT machine.
 * SIGUSR1 begins with the faults, SIGUSR2 ends them and tells what was done, SIGHUP cuts every connection.
 */
export async function controlProxy(args: ControlProxyArguments): Promise<number> {
  const harm = new MessageFaults(args.faults, args.seed);
  const none = new MessageFaults(NO_FAULTS, args.seed);
  let faults = none;
  const pairs = new Set<Pair>();
  const meet = (agent: Socket, nat: Socket) => {
    const pair = { agent, nat };
    pairs.add(pair);
    for (const socket of [agent, nat]) {
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        pairs.delete(pair);
        agent.destroy();
        nat.destroy();
      });
    }
    if (args.keys === undefined) {
      passBytes(agent, nat, args.delayMs);
      passBytes(nat, agent, args.delayMs);
    } else {
      passMessages(agent, nat, () => faults);
      passMessages(nat, agent, () => faults);
    }
  };
  await (args.keys === undefined
    ? listenPlain(args, meet)
    : await listenTls(args, args.keys, meet));
  announce({ event: "listening", addresses: [args.listen] });
  Deno.addSignalListener("SIGUSR1", () => faults = harm);
  Deno.addSignalListener("SIGUSR2", () => {
    faults = none;
    announce({ event: "faults", ...harm.counts });
  });
  Deno.addSignalListener("SIGHUP", () => {
    for (const { agent, nat } of [...pairs]) for (const socket of [agent, nat]) socket.destroy();
  });
  await new Promise<void>((resolve) => Deno.addSignalListener("SIGTERM", resolve));
  return 0;
}

function listenPlain(
  { listen, connect }: ControlProxyArguments,
  meet: (agent: Socket, nat: Socket) => void,
): Promise<void> {
  const { hostname, port } = parseListen(connect);
  const server = createServer((agent) => meet(agent, dial({ host: hostname, port })));
  return listening(server, listen);
}

async function listenTls(
  { listen, connect }: ControlProxyArguments,
  { folder, agent: name }: NonNullable<ControlProxyArguments["keys"]>,
  meet: (agent: Socket, nat: Socket) => void,
): Promise<void> {
  const { hostname: host, port } = parseListen(connect);
  const asAgent = tlsOptions(await readCredentials(folder, name));
  const asNat = tlsOptions(await readCredentials(folder, "nat"));
  const server = createTlsServer({ ...asNat, requestCert: true });
  server.on("secureConnection", (agent) => {
    meet(agent, dialTls({ ...asAgent, host, port, checkServerIdentity: () => undefined }));
  });
  return await listening(server, listen);
}

function listening(server: ReturnType<typeof createServer>, listen: string): Promise<void> {
  const { hostname, port } = parseListen(listen);
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(port, hostname, resolve);
  });
}

/** What is still on its way when one side closes arrives before the other side is closed. */
function passBytes(from: Socket, to: Socket, delayMs: number): void {
  from.on("data", (chunk: Uint8Array) => {
    setTimeout(() => to.write(chunk), delayMs);
  });
  from.on("end", () => setTimeout(() => to.end(), delayMs));
}

function passMessages(from: Socket, to: Socket, faults: () => MessageFaults): void {
  const decoder = new LineDecoder(MAX_LINE_BYTES);
  from.on("data", (chunk: Uint8Array) => {
    const problem = decoder.push(chunk, (line) => {
      for (const delayMs of faults().next()) {
        if (delayMs === 0) to.write(`${line}\n`);
        else setTimeout(() => to.write(`${line}\n`), delayMs);
      }
      return true;
    });
    if (problem !== null) from.destroy();
  });
  from.on("end", () => to.end());
}
