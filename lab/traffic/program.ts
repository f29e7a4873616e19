/** What the traffic programs share: they speak in JSON lines, so that other programs follow them. */

export function announce<T extends { readonly event: string }>(event: T): void {
  console.log(JSON.stringify(event));
}

/** Blocks until a moment of the wall clock, so that several programs begin together; 0: not at all. */
export function waitUntil(epochMs: number): void {
  const leftMs = epochMs - Date.now();
  if (leftMs > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, leftMs);
}

/** `10.0.0.11:8080` or `[::1]:8080` in the form that `Deno.listen` takes. */
export function parseListen(text: string): { hostname: string; port: number } {
  const colon = text.lastIndexOf(":");
  const port = Number(text.slice(colon + 1));
  if (colon < 1 || !Number.isInteger(port) || port < 1 || port > 65535) {
    throw new SyntaxError(`Cannot read "${text}": not ADDRESS:PORT`);
  }
  return { hostname: text.slice(0, colon).replace(/^\[|\]$/g, ""), port };
}

/** Where a server is to listen. @throws {SyntaxError} also when there is no such place */
export function parseListens(texts: readonly string[]): { hostname: string; port: number }[] {
  if (texts.length === 0) throw new SyntaxError("Cannot listen: need --listen ADDRESS:PORT");
  return texts.map(parseListen);
}

/** `10.0.0.11:8080`, `[2001:db8::1]:8080`. */
export function endpointText({ hostname, port }: Deno.NetAddr): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
