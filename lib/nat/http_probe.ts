import { type IncomingMessage, request } from "node:http";
import { probeFailure, type ProbeResult } from "../control/probe.ts";
import type { HttpCheckConfig } from "../config/nat_config.ts";
import { formatStatusRange } from "../config/units.ts";
import { VERSION } from "../config/version.ts";
import { type Endpoint, formatEndpoint } from "../wire/address.ts";

/** So much of the answer's body is read, so that most servers end in order; the status decides. */
const MOST_BODY_BYTES = 64 * 1024;
const MOST_HEADER_BYTES = 16 * 1024;

/**
 * Asks a server by HTTP/1.1 and looks at the status. A redirect is an answer like any other, and is not followed. Never
 * throws, and is over after the time-out whatever the server sends.
 */
export function probeHttp(
  server: Endpoint,
  check: HttpCheckConfig,
  timeoutMs: number,
): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const asked = request({
      host: String(server.address),
      family: server.address.family,
      port: server.port,
      path: check.path,
      method: "GET",
      // A connection of its own each time: a kept one would say that the server was up.
      agent: false,
      maxHeaderSize: MOST_HEADER_BYTES,
      signal,
      headers: {
        host: check.host ?? formatEndpoint(server),
        "user-agent": `bypath/${VERSION}`,
        accept: "*/*",
        connection: "close",
      },
    });
    asked.on("response", (response) => {
      resolve(judge(response.statusCode ?? 0, check));
      drain(response);
    });
    // To a status 101 the protocol is another one, with no response and no error to wait for.
    asked.on("upgrade", (response, socket) => {
      resolve(judge(response.statusCode ?? 0, check));
      socket.destroy();
    });
    // After the verdict, too: an answer that is cut off in its body.
    asked.on("error", (error) => {
      resolve({
        good: false,
        detail: probeFailure(signal.aborted ? signal.reason : error, timeoutMs),
      });
    });
    asked.end();
  });
}

function judge(status: number, check: HttpCheckConfig): ProbeResult {
  const good = check.status.some(({ first, last }) => first <= status && status <= last);
  if (good) return { good, detail: `HTTP status ${status}` };
  const wanted = check.status.map(formatStatusRange).join(", ");
  return { good, detail: `HTTP status ${status}, not ${wanted}` };
}

function drain(response: IncomingMessage): void {
  let bytes = 0;
  response.on("data", (chunk: Uint8Array) => {
    bytes += chunk.length;
    if (bytes > MOST_BODY_BYTES) response.destroy();
  });
  response.on("error", () => {});
}
