import { AF_UNIX, MSG_DONTWAIT, SOCK_DGRAM } from "../../lib/linux/constants.ts";
import type { Fd } from "../../lib/linux/fd.ts";
import { openLibc } from "../../lib/linux/libc.ts";
import { bindSocket, openSocket } from "../../lib/linux/socket.ts";
import { waitFor } from "../../lab/wait.ts";

/** What a service manager hears of a daemon, a message each: `READY=1\nSTATUS=…\n`. */
export class NotifySocket implements Disposable {
  readonly path: string;
  readonly #socket: Fd;
  readonly #messages: string[] = [];
  readonly #buffer = new Uint8Array(4096);
  // The queue is short, and a daemon waits for room in it.
  readonly #timer = setInterval(() => this.#receive(), 50);

  constructor(path: string) {
    this.path = path;
    this.#socket = openSocket({ domain: AF_UNIX, type: SOCK_DGRAM, label: "notify socket" });
    const name = new TextEncoder().encode(`${path}\0`);
    const address = new Uint8Array(2 + name.length);
    address[0] = AF_UNIX;
    address.set(name, 2);
    bindSocket(this.#socket, address, { action: `bind "${path}"` });
    Deno.chmodSync(path, 0o666);
  }

  /** Everything so far. */
  get messages(): readonly string[] {
    this.#receive();
    return this.#messages;
  }

  /** How often this has been said. */
  count(line: string): number {
    return this.messages.filter((message) => message.split("\n").includes(line)).length;
  }

  /** Waits until it has been said so often. */
  async heard(line: string, times = 1): Promise<void> {
    const enough = () => Promise.resolve(this.count(line) >= times);
    await waitFor(`${line} to be told ${times} times`, enough, { timeoutMs: 40_000, everyMs: 20 });
  }

  #receive(): void {
    const libc = openLibc();
    for (;;) {
      const size = BigInt(this.#buffer.length);
      const length = libc.recv(this.#socket.number, this.#buffer, size, MSG_DONTWAIT);
      if (length <= 0) return;
      this.#messages.push(new TextDecoder().decode(this.#buffer.subarray(0, length)));
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#socket.close();
  }
}
