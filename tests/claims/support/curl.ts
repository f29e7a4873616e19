import { createHash } from "node:crypto";
import type { Lab } from "../../../lab/lab.ts";
import { ADDRESSES } from "../../../lab/topology.ts";

export interface CurlOptions {
  /** Files to download one after another over one connection; default: `/large`. */
  readonly paths?: readonly string[];
  /** The VIP's port; default: 80. */
  readonly port?: number;
}

/** What curl and the bytes that came out of it say of a download. */
export interface CurlResult {
  readonly bytes: number;
  readonly sha256: string;
  /** The endpoint that curl was connected to. */
  readonly remote: string;
  /** What nginx says of itself, and whom it takes for its client. */
  readonly server: string;
  readonly peer: string;
  /** How many connections were made for all files. */
  readonly connections: number;
}

const FORMAT = "%{stderr}%{num_connects} %{remote_ip}:%{remote_port} " +
  "%header{x-server} %header{x-peer}\n";
const TIME_LIMIT_S = 60;
const PIECE_BYTES = 65_536;
const PIECE_PAUSE_MS = 4;

/**
 * A download by curl through the VIP that advances only as far as the test reads it: what is not
 * read fills the buffers, and then the server has to wait. So a test holds a download at any point
 * for as long as it likes, however fast or slow the host is.
 */
export class Curl implements AsyncDisposable {
  /** The client's endpoint. */
  readonly client: string;
  readonly #child: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #stderr: Promise<string>;
  readonly #hash = createHash("sha256");
  #bytes = 0;
  #ended = false;

  constructor(lab: Lab, options: CurlOptions & { readonly localPort: number }) {
    const { paths = ["/large"], port = 80, localPort } = options;
    this.client = `${ADDRESSES.client}:${localPort}`;
    const [program, ...args] = lab.commandIn("client", [
      ...["curl", "--silent", "--show-error", "--fail", "--no-buffer"],
      ...["--max-time", `${TIME_LIMIT_S}`, "--local-port", `${localPort}`, "--write-out", FORMAT],
      ...paths.map((path) => `http://${ADDRESSES.vip}:${port}${path}`),
    ]);
    this.#child = new Deno.Command(program!, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#reader = this.#child.stdout.getReader();
    this.#stderr = new Response(this.#child.stderr).text();
  }

  /** How many bytes the test has read. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Reads until so many bytes have come, and hardly any further. */
  async readTo(bytes: number): Promise<void> {
    while (this.#bytes < bytes && await this.#read());
    if (this.#bytes < bytes) {
      throw new Error(`Download ended after ${this.#bytes} bytes: ${await this.#stderr}`);
    }
  }

  /** Reads so many bytes more. */
  async readMore(bytes: number): Promise<void> {
    await this.readTo(this.#bytes + bytes);
  }

  /**
   * Keeps the download flowing for as long as something else takes, but reads no further than
   * `limitBytes`: something is left for afterwards.
   */
  async flowDuring<T>(something: Promise<T>, limitBytes: number): Promise<T> {
    let over = false;
    const settled = something.finally(() => over = true);
    settled.catch(() => {});
    while (!over && this.#bytes + PIECE_BYTES < limitBytes) {
      await this.readMore(PIECE_BYTES);
      await new Promise((resolve) => setTimeout(resolve, PIECE_PAUSE_MS));
    }
    return await settled;
  }

  /** Reads to the end. @throws {Error} with curl's words when it fails */
  async result(): Promise<CurlResult> {
    while (await this.#read());
    const [{ success }, stderr] = await Promise.all([this.#child.status, this.#stderr]);
    if (!success) throw new Error(`Download failed after ${this.#bytes} bytes: ${stderr}`);
    const transfers = stderr.trim().split("\n").map((line) => line.split(" "));
    const [, remote = "", server = "", peer = ""] = transfers.at(-1)!;
    return {
      bytes: this.#bytes,
      sha256: this.#hash.digest("hex"),
      remote,
      server,
      peer,
      connections: transfers.reduce((sum, [connects]) => sum + Number(connects), 0),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) await this.#reader.cancel();
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // Ended already.
    }
    await Promise.all([this.#child.status, this.#stderr]);
  }

  async #read(): Promise<boolean> {
    if (this.#ended) return false;
    const { value, done } = await this.#reader.read();
    this.#ended = done;
    if (value !== undefined) {
      this.#bytes += value.length;
      this.#hash.update(value);
    }
    return !done;
  }
}
