import { ACK, FIN, type Flying, packetOf, RST, type Seen, SYN } from "./packets.ts";
import { CLIENTS, type Protocol, VIPS } from "./settings.ts";
import type { Conversation, Truth } from "./truth.ts";

/** One endpoint of a client, with the conversation that it is in. */
export class Client {
  readonly endpoint: string;
  readonly protocol: Protocol;
  talk: Conversation | null = null;
  established = false;
  /** Packets of this conversation that came. */
  heard = 0;

  constructor({ endpoint, protocol }: typeof CLIENTS[number]) {
    this.endpoint = endpoint;
    this.protocol = protocol;
  }

  /** Whatever was before is forgotten, as by a program that was killed. */
  open(truth: Truth): Uint8Array<ArrayBuffer> {
    this.talk = truth.begin(this.protocol, this.endpoint, VIPS[this.protocol]);
    this.established = this.protocol === "udp";
    this.heard = 0;
    return this.packet(this.protocol === "tcp" ? SYN : 0);
  }

  packet(flags = ACK): Uint8Array<ArrayBuffer> {
    return packetOf({
      protocol: this.protocol,
      source: this.endpoint,
      destination: VIPS[this.protocol],
      number: this.talk!.number,
      flags,
    });
  }

  /** The next packet of a conversation that goes on, or begins, or ends. */
  next(truth: Truth, choice: number): Uint8Array<ArrayBuffer> | null {
    if (this.talk === null) return this.open(truth);
    if (!this.established) return choice % 8 === 0 ? this.open(truth) : this.packet(SYN);
    const kind = choice % 16;
    if (kind === 0) return this.open(truth);
    if (kind === 1) {
      this.talk = null;
      return null;
    }
    if (this.protocol === "tcp" && kind < 5) {
      const bytes = this.packet(kind === 2 ? RST : FIN | ACK);
      if (kind === 2) this.talk = null;
      return bytes;
    }
    return this.packet();
  }

  /** A packet of its own conversation came; what it answers at once. */
  receive(seen: Seen): Uint8Array<ArrayBuffer> | null {
    if (this.talk === null || seen.number !== this.talk.number) return null;
    this.heard++;
    if ((seen.flags & RST) !== 0) {
      this.talk = null;
      return null;
    }
    if ((seen.flags & SYN) !== 0) {
      this.established = true;
      return this.packet();
    }
    if ((seen.flags & FIN) !== 0) {
      const last = this.packet(FIN | ACK);
      this.talk = null;
      return last;
    }
    return null;
  }
}

/** What a server has with one NAT endpoint. */
export interface Connection {
  readonly protocol: Protocol;
  /** Its own end, `10.0.0.11:8080`. */
  readonly server: string;
  readonly nat: string;
  readonly number: number;
  /** The NAT machine's session that it came by last. */
  session: string;
  established: boolean;
  finished: boolean;
}

/** The servers' programs: they answer to whomever they see, which is a NAT endpoint. */
export class Servers {
  readonly connections = new Map<string, Connection>();

  /** A packet arrives; what is answered at once. */
  receive(seen: Seen, session: string): Uint8Array<ArrayBuffer> | null {
    const { protocol, source: nat, destination: server, number, flags } = seen;
    const key = `${protocol} ${server} ${nat}`;
    let known = this.connections.get(key);
    if (protocol === "udp" || (flags & SYN) !== 0) {
      if (known?.number !== number || (flags & SYN) !== 0) {
        known = { protocol, server, nat, number, session, established: false, finished: false };
        this.connections.set(key, known);
      }
      known.session = session;
      known.established = protocol === "udp";
      return this.packet(known, protocol === "udp" ? 0 : SYN | ACK);
    }
    if (known === undefined || known.number !== number) {
      if ((flags & RST) !== 0) return null;
      const to = { protocol, server, nat, number };
      return this.packet(to, RST);
    }
    if ((flags & RST) !== 0) {
      this.connections.delete(key);
      return null;
    }
    known.session = session;
    known.established = true;
    if ((flags & FIN) === 0) return null;
    known.finished = true;
    return this.packet(known, FIN | ACK);
  }

  packet(
    to: Pick<Connection, "protocol" | "server" | "nat" | "number">,
    flags = ACK,
  ): Uint8Array<ArrayBuffer> {
    const { protocol, server, nat, number } = to;
    return packetOf({ protocol, source: server, destination: nat, number, flags });
  }

  forget({ protocol, server, nat }: Connection): void {
    this.connections.delete(`${protocol} ${server} ${nat}`);
  }

  /** What the program sends of itself. */
  next(connection: Connection, choice: number): Uint8Array<ArrayBuffer> | null {
    if (connection.protocol === "udp") return this.packet(connection, 0);
    if (!connection.established) return this.packet(connection, SYN | ACK);
    if (connection.finished) return this.packet(connection, FIN | ACK);
    const kind = choice % 24;
    if (kind === 0) {
      this.forget(connection);
      return this.packet(connection, RST);
    }
    if (kind === 1) {
      connection.finished = true;
      return this.packet(connection, FIN | ACK);
    }
    return this.packet(connection);
  }
}

/** Packets between two places: each may be late, lost or doubled, and overtaken by others. */
export class Wire {
  readonly #flying: Flying[] = [];

  get length(): number {
    return this.#flying.length;
  }

  push(packet: Flying): void {
    if (this.#flying.length < 32) this.#flying.push(packet);
  }

  take(choice: number): Flying | undefined {
    // Mostly in order.
    const at = choice % 4 === 0 ? (choice >>> 2) % Math.max(1, this.#flying.length) : 0;
    return this.#flying.splice(at, 1)[0];
  }

  double(choice: number): void {
    const packet = this.#flying[choice % Math.max(1, this.#flying.length)];
    if (packet) this.push(packet);
  }
}
