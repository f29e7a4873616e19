import type { Endpoint } from "../wire/address.ts";

/** What one check of a server came to, and in words why. */
export interface ProbeResult {
  readonly good: boolean;
  readonly detail: string;
}

/** Opens a TCP connection and closes it again. Never throws. */
export async function probeTcp(
  { address, port }: Endpoint,
  timeoutMs: number,
): Promise<ProbeResult> {
  try {
    const connection = await Deno.connect({
      hostname: String(address),
      port,
      signal: AbortSignal.timeout(timeoutMs),
    });
    connection.close();
    return { good: true, detail: "connected" };
  } catch (error) {
    return { good: false, detail: probeFailure(error, timeoutMs) };
  }
}

/** The ways in which a connection fails, as people call them. */
const FAILURES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EHOSTUNREACH: "no route to it, or it does not answer ARP or neighbour discovery",
  ENETUNREACH: "network unreachable",
  EMFILE: "not checked: this process has too many open files",
};

/** Why a check failed, in words. */
export function probeFailure(error: unknown, timeoutMs: number): string {
  const { name, code, message } = error as { name?: string; code?: string; message?: string };
  if (name === "TimeoutError" || name === "AbortError" || code === "ABORT_ERR") {
    return `no answer within ${timeoutMs} ms`;
  }
  return FAILURES[code ?? ""] ?? message ?? String(error);
}
