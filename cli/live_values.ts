import { ask } from "../lib/control/admin_client.ts";

/** Longer than this nobody waits for the tab key. */
const PATIENCE_MS = 500;
const NAT_SOCKET = "/run/bypath/nat.sock";

interface KnownServer {
  readonly service: string;
  /** With its port. */
  readonly address: string;
}

/** What of a running NAT machine's own an option can have, for completion; none when nobody answers. */
export async function liveValues(option: string, words: readonly string[]): Promise<string[]> {
  if (option !== "service" && option !== "server") return [];
  const at = words.lastIndexOf("--socket");
  const servers = await knownServers(words[at + 1] && at >= 0 ? words[at + 1]! : NAT_SOCKET);
  // bash takes a colon for the end of a word: an address without its port names a server as well.
  const values = servers.map((it) =>
    option === "service" ? it.service : it.address.replace(/:\d+$/, "")
  );
  return [...new Set(values)].filter((it) => !it.includes(":"));
}

async function knownServers(socket: string): Promise<readonly KnownServer[]> {
  let late: ReturnType<typeof setTimeout> | undefined;
  try {
    return await Promise.race([
      ask(socket, { verb: "servers" }) as Promise<KnownServer[]>,
      new Promise<KnownServer[]>((resolve) => late = setTimeout(resolve, PATIENCE_MS, [])),
    ]);
  } catch {
    return [];
  } finally {
    clearTimeout(late);
  }
}
