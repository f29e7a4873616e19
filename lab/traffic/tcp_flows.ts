import { ContentWriter } from "./content.ts";
import { Flow } from "./flow.ts";
import type { FlowRequest, UploadReport } from "./flow_server.ts";
import { FrameChecker, FrameWriter } from "./frames.ts";
import { HttpReader, writeAll } from "./http_message.ts";
import { Pacer } from "./pacer.ts";
import { endpointText, parseListen } from "./program.ts";
import { TextLineStream } from "../text_line_stream.ts";

const ANSWER_BYTES = 4000;
const IDLE_BYTES = 300_000;

abstract class TcpFlow extends Flow {
  protected connection!: Deno.TcpConn;

  protected async connect(): Promise<void> {
    this.connection = await Deno.connect(parseListen(this.plan.to));
    this.connection.setNoDelay(true);
    this.local = endpointText(this.connection.localAddr as Deno.NetAddr);
    this.restart();
  }

  protected async askFor(flow: "down" | "up"): Promise<void> {
    const { seed, rate } = this.plan;
    const request: FlowRequest = { flow, seed, rate };
    await writeAll(this.connection, new TextEncoder().encode(`${JSON.stringify(request)}\n`));
  }

  override async run(): Promise<void> {
    await super.run();
    this.abort();
  }

  protected override abort(): void {
    try {
      this.connection?.close();
    } catch {
      // Closed already.
    }
  }
}

export class Download extends TcpFlow {
  protected override async carryOut(): Promise<void> {
    await this.connect();
    await this.askFor("down");
    const checker = new FrameChecker(this.plan.seed);
    const buffer = new Uint8Array(256 * 1024);
    for (;;) {
      const count = await this.connection.read(buffer);
      if (count === null) break;
      checker.update(buffer.subarray(0, count));
      ({ bytes: this.bytes, wrong: this.wrong } = checker);
      this.progress();
      this.opening.resolve();
    }
    this.complete = checker.ended;
    if (!checker.ended) throw new Error("the stream was cut short");
  }

  protected override beginFinish(): void {
    this.connection?.closeWrite().catch(() => {});
  }
}

/** Progress is what the server says that it has received. */
export class Upload extends TcpFlow {
  protected override async carryOut(): Promise<void> {
    await this.connect();
    await this.askFor("up");
    await Promise.all([this.#send(), this.#hear()]);
  }

  async #send(): Promise<void> {
    const { seed, rate } = this.plan;
    const writer = new FrameWriter(this.connection, seed);
    const pacer = new Pacer(rate);
    const pieceBytes = Math.max(1460, Math.round(rate / 100));
    while (!this.finishing) {
      await pacer.pass(pieceBytes);
      await writer.write(pieceBytes);
    }
    await writer.end();
    await this.connection.closeWrite();
  }

  async #hear(): Promise<void> {
    const lines = this.connection.readable
      .pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
    for await (const line of lines) {
      const report = JSON.parse(line) as UploadReport;
      this.bytes = report.bytes;
      this.wrong = report.wrong;
      this.complete = report.ended;
      this.progress();
      this.opening.resolve();
    }
    if (!this.complete) throw new Error("the server ended before the upload did");
  }

  protected override beginFinish(): void {}
}

/** GET of a page of content over a kept connection, each byte checked. */
abstract class Requests extends TcpFlow {
  #reader!: HttpReader;
  #expected: Uint8Array | null = null;

  protected override async connect(): Promise<void> {
    await super.connect();
    this.#reader = new HttpReader(this.connection);
  }

  protected async get(lengthBytes: number): Promise<void> {
    const { seed, to } = this.plan;
    const lines = [`GET /bytes/${lengthBytes}?seed=${seed} HTTP/1.1`, `Host: ${to}`, "", ""];
    await writeAll(this.connection, new TextEncoder().encode(lines.join("\r\n")));
    const head = await this.#reader.readHead();
    if (head === null) throw new Error("the server closed the connection");
    if (Number(head.headers.get("content-length")) !== lengthBytes) this.wrong++;
    const expected = this.#expected ??= new ContentWriter(seed, lengthBytes).block(0);
    for (let at = 0; at < lengthBytes;) {
      const piece = await this.#reader.readPiece(lengthBytes - at);
      if (piece === null) throw new Error("an answer was cut short");
      if (piece.some((byte, index) => byte !== expected[at + index])) this.wrong++;
      this.bytes += piece.length;
      at += piece.length;
    }
    this.opening.resolve();
  }
}

export class KeptRequests extends Requests {
  protected override async carryOut(): Promise<void> {
    await this.connect();
    const pacer = new Pacer(this.plan.rate);
    while (!this.finishing) {
      await pacer.pass(1);
      // From the request on: the time between requests is the client's own.
      this.restart();
      await this.get(ANSWER_BYTES);
      this.progress();
    }
    this.complete = true;
  }

  protected override beginFinish(): void {}
}

/** One request at the start, one at the end, and nothing in between. */
export class Idle extends Requests {
  readonly #end = Promise.withResolvers<void>();

  protected override async carryOut(): Promise<void> {
    await this.connect();
    await this.get(IDLE_BYTES);
    await this.#end.promise;
    this.restart();
    await this.get(IDLE_BYTES);
    this.progress();
    this.complete = true;
  }

  protected override expectsProgress(): boolean {
    return this.finishing;
  }

  protected override beginFinish(): void {
    this.#end.resolve();
  }
}
