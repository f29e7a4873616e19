import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Lab } from "../../../lab/lab.ts";
import { LineBuffer } from "../../../lab/line_buffer.ts";
import { ADDRESSES } from "../../../lab/topology.ts";
import type { DatagramCount } from "./datagram_main.ts";

export { DATAGRAM_BYTES } from "./datagram_main.ts";

/** Where the datagram server listens on s1; its service has another port. */
export const DATAGRAM_SERVER_PORT = 9_100;
/** The VIP's. */
export const DATAGRAM_PORT = 9_000;

const PATIENCE_MS = 30_000;
const PORTION = 50;

/** Starts the datagram server on s1 and waits until it listens. */
export async function startDatagramServer(lab: Lab): Promise<void> {
  const listen = `${ADDRESSES.s1}:${DATAGRAM_SERVER_PORT}`;
  const server = lab.start("s1", program("server", listen));
  await server.waitForLine((line) => line === '"listening"');
}

/**
 * A UDP client of the VIP that gets as many datagrams as the test asks for, when it asks for them:
 * nothing here depends on how fast the host is.
 */
export class Datagrams implements AsyncDisposable {
  /** The client's endpoint. */
  readonly client: string;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #stdout = new LineBuffer();
  readonly #read: Promise<void>;
  #total = 0;

  constructor(
    lab: Lab,
    { port, localPort }: { readonly port: number; readonly localPort: number },
  ) {
    this.client = `${ADDRESSES.client}:${localPort}`;
    const [command, ...args] = lab.commandIn(
      "client",
      program("client", `${ADDRESSES.vip}:${port}`, `${localPort}`),
    );
    this.#child = new Deno.Command(command!, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#read = this.#stdout.readFrom(this.#child.stdout);
  }

  /** How many were asked for, and have come. */
  get total(): number {
    return this.#total;
  }

  /**
   * Gets so many datagrams: each has to come once, unchanged, from the VIP.
   * @param together how many the server hands to its kernel with one call
   */
  async more(count: number, { together = 1 } = {}): Promise<void> {
    this.#total += count;
    const after = this.#stdout.seen;
    await this.#input.write(new TextEncoder().encode(`${count} ${together}\n`));
    const line = await this.#stdout.find(() => true, { timeoutMs: PATIENCE_MS, after });
    assert.ok(line, `not all of ${this.#total} datagrams have come`);
    const expected: DatagramCount = {
      received: this.#total,
      duplicates: 0,
      wrong: 0,
      strangers: 0,
    };
    assert.deepEqual(JSON.parse(line), expected);
  }

  /** Keeps datagrams coming for as long as something else takes. */
  async flowDuring<T>(something: Promise<T>): Promise<T> {
    let over = false;
    const settled = something.finally(() => over = true);
    settled.catch(() => {});
    while (!over) await this.more(PORTION);
    return await settled;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#input.abort().catch(() => {});
    await Promise.all([this.#child.status, this.#read]);
  }
}

function program(...args: string[]): string[] {
  const path = fileURLToPath(new URL("datagram_main.ts", import.meta.url));
  return [Deno.execPath(), "run", "--allow-all", "--no-check", "--quiet", path, ...args];
}
