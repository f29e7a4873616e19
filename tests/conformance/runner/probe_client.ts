import { fileURLToPath } from "node:url";
import type { Lab } from "../../../lab/lab.ts";
import type { LabProcess } from "../../../lab/lab_process.ts";
import type { NodeName } from "../../../lab/topology.ts";
import type { CollectedFrame, ProbeRequest, SentFrame } from "./probe.ts";

const PROGRAM = fileURLToPath(new URL("probe.ts", import.meta.url));

/** This side's end of a probe in a node of the lab. Disposal ends it. */
export class ProbeClient {
  readonly #process: LabProcess;
  readonly #connection: Deno.UnixConn;
  readonly #lines: AsyncIterator<string>;

  private constructor(process: LabProcess, connection: Deno.UnixConn) {
    this.#process = process;
    this.#connection = connection;
    this.#lines = linesOf(connection);
  }

  static async start(lab: Lab, node: NodeName, devices: readonly string[]): Promise<ProbeClient> {
    const path = `${lab.folder}/probe-${node}.sock`;
    const process = lab.start(node, [
      Deno.execPath(),
      ...["run", "--allow-all", "--no-check", "--quiet", PROGRAM, path, ...devices],
    ]);
    await process.waitForLine((line) => line === "ready");
    return new ProbeClient(process, await Deno.connect({ transport: "unix", path }));
  }

  async send(frames: readonly SentFrame[]): Promise<void> {
    await this.#ask({ send: [...frames] });
  }

  /** The packets that arrived since the last time; with `until`, when the one that ends so is there. */
  async collect(until?: string): Promise<CollectedFrame[]> {
    const request = {
      collect: true as const,
      timeoutMs: 5_000,
      ...(until !== undefined && { until }),
    };
    return (await this.#ask(request) as { frames: CollectedFrame[] }).frames;
  }

  close(): void {
    this.#connection.close();
  }

  async #ask(request: ProbeRequest): Promise<unknown> {
    await this.#connection.write(new TextEncoder().encode(JSON.stringify(request) + "\n"));
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`The probe has ended: ${this.#process.stderr.lines.join("\n")}`);
    return JSON.parse(value);
  }
}

async function* linesOf(connection: Deno.UnixConn): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  const bytes = new Uint8Array(65536);
  for (;;) {
    const count = await connection.read(bytes);
    if (count === null) return;
    const lines = (rest + decoder.decode(bytes.subarray(0, count), { stream: true })).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}
