/**
 * What a translator can know of a session's state from the packets that pass, in the spirit of
 * RFC 7857, section 2 and RFC 6146, section 3.5.2.
 *
 * ```
 *            SYN                SYN-ACK (or SYN)          ACK of the client
 *  (new) ---------> opening -------------------> answered ------------------> established
 *                                                                                 |
 *     RST at any time: reset; another packet takes the reset back          FIN    |
 *                                                                                 v
 *                        closed <------------------------ closing (one FIN or both)
 *                               ACK after both FINs
 * ```
 *
 * Sequence numbers decide nothing here: once responses bypass, only one direction is seen, and an
 * inexact RST must not end a session (RFC 5961, 3.2). A UDP session is opening until the server has
 * answered, then established.
 */
export const STATE = {
  free: 0,
  opening: 1,
  answered: 2,
  established: 3,
  closing: 4,
  closed: 5,
  reset: 6,
  quarantine: 7,
} as const;

export const STATE_NAMES = [
  "free",
  "opening",
  "answered",
  "established",
  "closing",
  "closed",
  "reset",
  "quarantine",
] as const;

export const TCP_FIN = 1;
export const TCP_SYN = 2;
export const TCP_RST = 4;
export const TCP_ACK = 16;

/** Whether a packet with these flags asks for a connection. */
export function beginsConnection(tcpFlags: number): boolean {
  return (tcpFlags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) === TCP_SYN;
}

/** The FINs seen so far, as passed to and returned by {@linkcode advance}. */
export const FIN_CLIENT = 1;
export const FIN_SERVER = 2;
const FIN_BOTH = FIN_CLIENT | FIN_SERVER;

/**
 * The state after one TCP packet. Returns `state | fins << 8`, so that nothing is allocated.
 *
 * @param fins FIN_CLIENT and FIN_SERVER as seen before this packet
 * @param fromClient the direction of the packet
 */
export function advance(
  state: number,
  fins: number,
  fromClient: boolean,
  tcpFlags: number,
): number {
  if ((tcpFlags & TCP_RST) !== 0) {
    return (state === STATE.closed ? state : STATE.reset) | (fins << 8);
  }
  if ((tcpFlags & TCP_SYN) !== 0) {
    if (fromClient && state === STATE.reset) return STATE.opening;
    if (!fromClient && state === STATE.opening) return STATE.answered | (fins << 8);
    return state | (fins << 8);
  }
  if (state === STATE.reset) {
    state = fins === 0 ? STATE.established : STATE.closing;
  }
  if ((tcpFlags & TCP_FIN) !== 0) {
    const seen = fins | (fromClient ? FIN_CLIENT : FIN_SERVER);
    return (state === STATE.closed ? state : STATE.closing) | (seen << 8);
  }
  if (state === STATE.answered && fromClient && (tcpFlags & TCP_ACK) !== 0) {
    return STATE.established | (fins << 8);
  }
  if (state === STATE.closing && fins === FIN_BOTH && (tcpFlags & TCP_ACK) !== 0) {
    return STATE.closed | (fins << 8);
  }
  return state | (fins << 8);
}

/** How long a session may be idle, by its state; milliseconds. */
export interface SessionTimeouts {
  /** RFC 5382, REQ-5: transitory, at least 4 minutes. */
  readonly tcpOpeningMs: number;
  /** RFC 5382, REQ-5: at least 2 hours 4 minutes. */
  readonly tcpEstablishedMs: number;
  readonly tcpClosingMs: number;
  /** One-sided UDP sessions: our own choice, so that spoofed datagrams cost little. */
  readonly udpOpeningMs: number;
  /** RFC 4787, REQ-5: at least 2 minutes, 5 recommended. */
  readonly udpMs: number;
  /** Rest of a NAT endpoint before it serves another session. */
  readonly quarantineMs: number;
}

/** The idle time after which a session in this state ends. */
export function idleTimeoutMs(state: number, tcp: boolean, timeouts: SessionTimeouts): number {
  switch (state) {
    case STATE.opening:
    case STATE.answered:
      return tcp ? timeouts.tcpOpeningMs : timeouts.udpOpeningMs;
    case STATE.established:
      return tcp ? timeouts.tcpEstablishedMs : timeouts.udpMs;
    case STATE.closing:
    case STATE.reset:
      return timeouts.tcpClosingMs;
    default:
      return timeouts.quarantineMs;
  }
}
