import {
  AF_NETLINK,
  EINTR,
  MSG_DONTWAIT,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
  NETLINK_ROUTE,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  SO_RCVTIMEO,
  SOCK_RAW,
  SOL_NETLINK,
  SOL_SOCKET,
} from "./constants.ts";
import { lastErrno, LinuxError } from "./error.ts";
import type { Fd } from "./fd.ts";
import { openLibc } from "./libc.ts";
import {
  decodeMessages,
  decodeResult,
  encodeRequest,
  type NetlinkMessage,
  type NetlinkQuestion,
  type NetlinkResult,
} from "./netlink_message.ts";
import { openSocket, setReceiveBuffer, setSocketOption } from "./socket.ts";
import { TIMEVAL } from "./structs.ts";

/** The kernel answers in pieces of at most 32 KiB. */
const RECEIVE_BYTES = 64 * 1024;
const RECEIVE_BUFFER_BYTES = 1024 * 1024;
/** The kernel answers while it takes the request, so this only bounds the damage of a surprise. */
const TIMEOUT_SECONDS = 5;
const DUMP_ATTEMPTS = 5;

/** What came before the end of an exchange, and how it ended. */
export interface NetlinkAnswer extends NetlinkResult {
  readonly messages: readonly NetlinkMessage[];
}

/** Asks the kernel's routing subsystem and waits for the answer, in whichever thread. */
export class NetlinkSocket implements Disposable {
  readonly fd: Fd;
  readonly #buffer = new Uint8Array(RECEIVE_BYTES);
  #sequence = 0;

  /** Throws LinuxError. */
  constructor() {
    this.fd = openRouteSocket(SOCK_RAW);
    const timeout = new Uint8Array(TIMEVAL.size);
    new DataView(timeout.buffer).setUint8(TIMEVAL.offsets.tv_sec, TIMEOUT_SECONDS);
    setSocketOption(this.fd, {
      level: SOL_SOCKET,
      name: SO_RCVTIMEO,
      value: timeout,
      action: "limit the wait for netlink answers",
    });
    setReceiveBuffer(this.fd, RECEIVE_BUFFER_BYTES);
    // Reasons in words, short acknowledgements, and filters in dumps, where the kernel knows them.
    for (const name of [NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK]) {
      trySetOption(this.fd, name);
    }
  }

  /** One request with one answer. Throws LinuxError when the exchange itself fails. */
  ask(question: NetlinkQuestion): NetlinkAnswer {
    return this.#exchange({ ...question, flags: (question.flags ?? 0) | NLM_F_ACK });
  }

  /**
   * Asks for all entries. When they changed meanwhile it asks again, up to five times; on a host
   * whose tables never rest the last answer has to do, and may miss an entry.
   *
   * Throws LinuxError.
   */
  dump(question: NetlinkQuestion, action: string): readonly NetlinkMessage[] {
    for (let attempt = 1;; attempt++) {
      const answer = this.#exchange({ ...question, flags: (question.flags ?? 0) | NLM_F_DUMP });
      if (answer.errno !== 0) throw netlinkError(action, answer);
      const interrupted = answer.messages.some(({ flags }) => (flags & NLM_F_DUMP_INTR) !== 0);
      if (!interrupted || attempt === DUMP_ATTEMPTS) return answer.messages;
    }
  }

  close(): void {
    this.fd.close();
  }

  [Symbol.dispose](): void {
    this.fd.close();
  }

  #exchange(question: NetlinkQuestion): NetlinkAnswer {
    const sequence = this.#sequence = (this.#sequence + 1) >>> 0;
    const flags = (question.flags ?? 0) | NLM_F_REQUEST;
    this.#send(encodeRequest({ ...question, flags, sequence }));
    const messages: NetlinkMessage[] = [];
    for (;;) {
      for (const message of decodeMessages(this.#receive())) {
        // An earlier exchange that ended with an exception may have left something.
        if (message.sequence !== sequence) continue;
        const result = decodeResult(message);
        if (result !== null) return { messages, ...result };
        messages.push(message);
      }
    }
  }

  #send(bytes: Uint8Array<ArrayBuffer>): void {
    const size = BigInt(bytes.length);
    const sent = openLibc().sendto(this.fd.number, bytes, size, 0, null, 0);
    const errno = lastErrno();
    if (sent < 0) throw new LinuxError("ask the kernel by netlink", errno, { call: "send" });
  }

  #receive(): Uint8Array {
    for (;;) {
      const received = receiveNetlink(this.fd, this.#buffer, 0);
      if (received >= 0) return this.#buffer.subarray(0, received);
      if (received === -EINTR) continue;
      throw new LinuxError("get an answer by netlink", -received, { call: "recv" });
    }
  }
}

/** Opens a socket of NETLINK_ROUTE; `type` may carry SOCK_NONBLOCK. Throws LinuxError. */
export function openRouteSocket(type: number): Fd {
  return openSocket({ domain: AF_NETLINK, type, protocol: NETLINK_ROUTE, label: "netlink socket" });
}

/** Receives one datagram: its length, or -errno. `flags` may be MSG_DONTWAIT. */
export function receiveNetlink(
  fd: Fd,
  buffer: Uint8Array<ArrayBuffer>,
  flags: typeof MSG_DONTWAIT | 0,
): number {
  const received = openLibc().recv(fd.number, buffer, BigInt(buffer.length), flags);
  return received < 0 ? -lastErrno() : received;
}

/** The error for an answer that is not a success, with the kernel's own words. */
export function netlinkError(action: string, { errno, text }: NetlinkResult): LinuxError {
  const options = { call: "netlink", needs: "CAP_NET_ADMIN" };
  return new LinuxError(action, errno, text === "" ? options : { ...options, hint: text });
}

function trySetOption(fd: Fd, name: number): void {
  try {
    setSocketOption(fd, { level: SOL_NETLINK, name, value: 1, action: "set a netlink option" });
  } catch (error) {
    if (!(error instanceof LinuxError)) throw error;
  }
}
