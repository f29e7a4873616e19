/**
 * Sessions each byte of which says whose it is: the server repeats the token that the client sent,
 * and the token names the client's endpoint. Judged twice: by the client that receives, and by a
 * tap on its wire, which also sees what the client's kernel would throw away in silence.
 *
 * @module
 */

/** What the server repeats to the client at that endpoint. */
export function tokenOf(endpoint: string, number: number): string {
  return `[${endpoint} ${number}]`;
}

const TOKEN = /\[([\d.]+:\d+) \d+\]/g;

/** A connection as its client opened it. Sequence numbers are unsigned. */
interface Opened {
  readonly clientFirst: number;
  /** One past the highest that the client has sent. */
  clientNext: number;
  /** Of the SYN-ACK; null before it. */
  serverFirst: number | null;
}

/** A TCP segment between a client and the VIP, from the client's side. */
export interface Segment {
  readonly client: string;
  readonly flags: number;
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly payload: Uint8Array;
}

export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const ACK = 16;

/** Connections of one client endpoint that late segments may still belong to. */
const REMEMBERED = 4;
/** More than any of these sessions carries. */
const WINDOW = 1 << 24;

/** Tells for each segment that comes from the VIP whether it belongs to a connection that its client opened. Pure. */
export class OwnershipWatch {
  readonly #opened = new Map<string, Opened[]>();
  segments = 0;
  datagrams = 0;
  connections = 0;
  /** By way of the NAT machine, and about an earlier connection of that NAT endpoint. */
  earlier = 0;
  direct = 0;
  /** What came to a client that it had not asked for: the first few, in words. */
  readonly strangers: string[] = [];
  strangerCount = 0;

  /** A segment that leaves the client. */
  sent({ client, flags, sequence, payload }: Segment): void {
    const known = this.#opened.get(client) ?? [];
    const newest = known[0];
    const isNew = (flags & SYN) !== 0 && newest?.clientFirst !== sequence;
    if (isNew) {
      this.connections++;
      known.unshift({ clientFirst: sequence, clientNext: sequence + 1 >>> 0, serverFirst: null });
      this.#opened.set(client, known.slice(0, REMEMBERED));
      return;
    }
    if (newest === undefined) return;
    const next = sequence + payload.length + ((flags & (FIN | SYN)) !== 0 ? 1 : 0) >>> 0;
    if (within(next, newest.clientNext)) newest.clientNext = next;
  }

  /**
   * A segment that comes from the VIP. With a NAT endpoint that was given out again at once a server may
   * still speak about the connection before, which the client's kernel refuses by its numbers: that is the
   * price of not letting endpoints rest. It is no matter of instructions, so it may not come directly.
   */
  came(segment: Segment, { direct }: { readonly direct: boolean }): void {
    this.segments++;
    if (direct) this.direct++;
    const known = this.#opened.get(segment.client);
    if (known === undefined) return this.#strange(segment, "the client has not opened this port");
    if (!known.some((opened) => belongs(segment, opened))) {
      if (direct) return this.#strange(segment, "its numbers are of no connection of this port");
      this.earlier++;
      return;
    }
    const text = new TextDecoder("latin1").decode(segment.payload);
    for (const [token, owner] of text.matchAll(TOKEN)) {
      if (owner !== segment.client) return this.#strange(segment, `it carries ${token}`);
    }
  }

  /** A datagram that comes from the VIP: whichever way it took, it names whose it is. */
  datagram(client: string, payload: Uint8Array): void {
    this.datagrams++;
    const text = new TextDecoder("latin1").decode(payload);
    const [token, owner] = text.matchAll(TOKEN).next().value ?? [];
    if (owner === client) return;
    this.#tell(`to ${client}: a datagram that carries ${token ?? "no token"}`);
  }

  #strange({ client, flags, sequence, acknowledgement, payload }: Segment, why: string): void {
    this.#tell(
      `to ${client}: ${why} (flags ${flags}, sequence ${sequence}, acknowledgement ` +
        `${acknowledgement}, ${payload.length} bytes)`,
    );
  }

  #tell(what: string): void {
    this.strangerCount++;
    if (this.strangers.length < 10) this.strangers.push(what);
  }
}

function belongs({ flags, sequence, acknowledgement }: Segment, opened: Opened): boolean {
  const acknowledges = (flags & ACK) !== 0 && within(acknowledgement, opened.clientFirst) &&
    within(opened.clientNext, acknowledgement);
  if ((flags & SYN) !== 0) {
    if (!acknowledges) return false;
    opened.serverFirst = sequence;
    return true;
  }
  const { serverFirst } = opened;
  const continues = serverFirst !== null && within(sequence, serverFirst);
  if ((flags & RST) !== 0) return acknowledges || continues;
  return acknowledges && continues;
}

/** Whether a sequence number is at or after another, and near. */
function within(later: number, earlier: number): boolean {
  return (later - earlier >>> 0) < WINDOW;
}
