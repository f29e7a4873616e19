/** What arrived longer ago says nothing of a server's direct path today. */
const LATELY_MS = 600_000;

interface Proof {
  clients: string;
  atMs: number;
}

/**
 * To which networks of clients each server's direct packets arrived: the two that were last, which is
 * enough to say whether a server reaches any other than a given one.
 */
export class ProvenNetworks {
  readonly #servers = new Map<string, Proof[]>();

  note(server: string, clients: string, now: number): void {
    const proofs = this.#servers.get(server);
    if (proofs === undefined) {
      this.#servers.set(server, [{ clients, atMs: now }]);
      return;
    }
    const known = proofs.find((it) => it.clients === clients);
    if (known !== undefined) known.atMs = now;
    else if (proofs.length < 2) proofs.push({ clients, atMs: now });
    else {
      const [a, b] = proofs as [Proof, Proof];
      const older = a.atMs < b.atMs ? a : b;
      older.clients = clients;
      older.atMs = now;
    }
  }

  /** Has this server lately reached clients of another network than this? */
  reachesOthers(server: string, clients: string, now: number): boolean {
    const proofs = this.#servers.get(server) ?? [];
    return proofs.some((it) => it.clients !== clients && now - it.atMs < LATELY_MS);
  }

  keep(isServer: (server: string) => boolean): void {
    for (const server of this.#servers.keys()) {
      if (!isServer(server)) this.#servers.delete(server);
    }
  }
}
