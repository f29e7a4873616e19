/**
 * `inspect dashboard`.
 *
 * @module
 */
import { AdminError } from "../../control/admin_protocol.ts";
import { type Endpoint, formatEndpoint } from "../../wire/address.ts";
import { Daemon } from "../daemon.ts";
import { type InspectHost, processHost } from "../host.ts";
import { DashboardServer } from "./dashboard_server.ts";
import { isLoopback } from "./guard.ts";

export interface DashboardCommand {
  readonly listen: Endpoint;
  /** Absent: the NAT machine's default socket. */
  readonly socket?: string;
  readonly json: boolean;
}

/** Serves until SIGINT or SIGTERM. Returns the exit status: 0 asked to end, 1 could not listen. */
export async function serveDashboard(
  { listen, socket, json }: DashboardCommand,
  host: InspectHost = processHost(),
): Promise<number> {
  const path = socket ?? host.natSocket;
  const daemon = new Daemon(path, host);
  const address = String(listen.address);
  let server: DashboardServer;
  try {
    server = new DashboardServer({ address, port: listen.port, daemon, socket: path });
  } catch (error) {
    const why = error instanceof Deno.errors.AddrInUse
      ? "something listens there already, choose another --listen"
      : (error as Error).message;
    host.complain(`Cannot listen on ${formatEndpoint(listen)}: ${why}`);
    return 1;
  }
  await using serving = server;
  const ended = endSignal();
  const url = `http://${formatEndpoint({ ...listen, port: serving.port })}/`;
  if (!isLoopback(address)) {
    host.complain(
      `Warning: whoever reaches ${url} sees every session; nothing is asked of them, and nothing encrypted`,
    );
  }
  const trouble = await troubleOf(daemon);
  if (trouble !== null) host.complain(`${trouble}; the page says so, and looks again`);
  await host.write(json ? `${JSON.stringify({ url })}\n` : `${url}\n`);
  await ended;
  return 0;
}

async function troubleOf(daemon: Daemon): Promise<string | null> {
  try {
    await daemon.ask({ verb: "status" });
    return null;
  } catch (error) {
    if (error instanceof AdminError) return error.message;
    throw error;
  }
}

function endSignal(): Promise<void> {
  return new Promise((resolve) => {
    const listener = () => {
      for (const signal of SIGNALS) Deno.removeSignalListener(signal, listener);
      resolve();
    };
    for (const signal of SIGNALS) Deno.addSignalListener(signal, listener);
  });
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
