/** What the traffic programs share: they speak in JSON lines, so that other programs follow them. */

export function announce<T extends { readonly event: string }>(event: T): void {
  console.log(JSON.stringify(event));
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
