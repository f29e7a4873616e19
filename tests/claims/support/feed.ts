import { fileURLToPath } from "node:url";
import type { Lab } from "../../../lab/lab.ts";
import { LineBuffer } from "../../../lab/line_buffer.ts";
import { ADDRESSES } from "../../../lab/topology.ts";

const PATIENCE_MS = 30_000;

/** Starts the server of {@linkcode FeedClient} on s1, for TCP and UDP. */
export async function startFeedServer(lab: Lab, port: number): Promise<void> {
  const server = lab.start("s1", program("server", `${ADDRESSES.s1}:${port}`));
  await server.waitForLine((line) => line === '"listening"');
}

/** A client of the VIP that tells its server what to do, when the test says so: see feed_main.ts. */
export class FeedClient implements AsyncDisposable {
  /** Its endpoint. */
  readonly client: string;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #stdout = new LineBuffer();
  readonly #read: Promise<void>;

  constructor(
    lab: Lab,
    options: {
      readonly protocol: "tcp" | "udp";
      readonly port: number;
      readonly localPort: number;
    },
  ) {
    const { protocol, port, localPort } = options;
    this.client = `${ADDRESSES.client}:${localPort}`;
    const [command, ...args] = lab.commandIn(
      "client",
      program(protocol, `${ADDRESSES.vip}:${port}`, `${localPort}`),
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

  /** `feed MS`, `quiet`, `end` or `reset`. */
  async order(text: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${text}\n`));
  }

  /** How many times something has come. */
  get got(): number {
    return this.#stdout.seen;
  }

  /** Waits until something comes that had not come before. */
  async more(count = 1): Promise<void> {
    for (let i = 0; i < count; i++) {
      const after = this.got;
      const line = await this.#stdout.find(() => true, { timeoutMs: PATIENCE_MS, after });
      if (line !== '"got"') throw new Error(`${this.client} waits for its server, hears ${line}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#input.abort().catch(() => {});
    await Promise.all([this.#child.status, this.#read]);
  }
}

function program(...args: string[]): string[] {
  const path = fileURLToPath(new URL("feed_main.ts", import.meta.url));
  return [Deno.execPath(), "run", "--allow-all", "--no-check", "--quiet", path, ...args];
}
