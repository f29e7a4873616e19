import type { BypathLab } from "../../bypath_lab.ts";
import { WEB } from "./web_server.ts";

export interface WrkOptions {
  readonly host: string;
  readonly connections: number;
  readonly seconds: number;
  /** One request a connection. */
  readonly close: boolean;
}

export interface WrkResult {
  readonly requestsPerSecond: number;
  /** Requests without a good answer. */
  readonly errors: number;
}

/** HTTP requests a second that wrk had answered. */
export async function wrk(lab: BypathLab, options: WrkOptions): Promise<WrkResult> {
  const { host, connections, seconds, close } = options;
  const threads = navigator.hardwareConcurrency;
  const text = await lab.lab.mustRun("client", [
    ...["wrk", "--threads", `${threads}`, "--connections", `${connections}`],
    ...["--duration", `${seconds}s`, "--timeout", "5s"],
    ...(close ? ["--header", "Connection: close"] : []),
    `http://${host}:${WEB.port}/`,
  ]);
  return parseWrk(text);
}

/** What wrk prints. Pure. @throws {SyntaxError} when it holds no result */
export function parseWrk(text: string): WrkResult {
  const rate = /^Requests\/sec:\s+([\d.]+)$/m.exec(text)?.[1];
  if (rate === undefined) throw new SyntaxError(`Cannot read what wrk printed: ${text.trim()}`);
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  const refused = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? "0";
  const errors = [...sockets?.slice(1) ?? [], refused].reduce((sum, each) => sum + Number(each), 0);
  return { requestsPerSecond: Number(rate), errors };
}
