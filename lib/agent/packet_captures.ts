import { AdminError, type AdminRequest } from "../control/admin_protocol.ts";
import type { AdminHandler } from "../control/admin_server.ts";
import { CaptureDesk, captureRequestOf, type CaptureResult } from "../control/capture_desk.ts";
import { CaptureFeed, type CaptureLinks } from "../control/capture_feed.ts";
import { LocalPlace } from "../control/capture_place.ts";
import {
  type Announcement,
  asReason,
  type Capture,
  type CaptureNews,
  type CaptureOrder,
  type Instruction,
} from "../control/messages.ts";
import { WorkerCapture } from "../datapath/worker_capture.ts";
import { linkSpeed } from "../linux/interface_settings.ts";
import {
  type CaptureNames,
  type CaptureTest,
  parseCaptureFilter,
  resolveCaptureFilter,
} from "../session/capture_filter.ts";
import { TokenBucket } from "../policy/token_bucket.ts";
import { formatPrefix, type Prefix } from "../wire/prefix.ts";

/** Captures for NAT machines at once. */
const MAX_CAPTURES = 4;
const BATCH_BYTES = 32 * 1024;
const PUMP_MS = 50;
/** An empty batch now and then asks whether anybody still takes them. */
const SIGN_MS = 1_000;
const UNTAKEN_MS = 10_000;
/** What was captured before the end is handed over for so long. */
const ENDING_MS = 3_000;
/** A capture takes at most a twentieth of the slowest link. */
const LINK_PART = 20;

export interface PacketCapturesOptions {
  readonly threads: Parameters<typeof WorkerCapture.begin>[0];
  /** Where packets come from. */
  readonly device: string;
  /** Where they may leave. */
  readonly interfaces: () => readonly string[];
  /** What an instruction says, by its slot. */
  readonly textOf: (slot: number) => Instruction | undefined;
  readonly instructions: () => Iterable<Instruction>;
  /** What each NAT machine announced. */
  readonly announced: ReadonlyMap<string, Announcement>;
  readonly snatOf: (nat: string) => readonly Prefix[];
  readonly send: (nat: string, message: CaptureNews) => void;
  /** Monotonic, milliseconds. */
  readonly now: () => number;
}

interface Running {
  readonly nat: string;
  readonly id: string;
  readonly capture: WorkerCapture;
  readonly feed: CaptureFeed;
  readonly budget: TokenBucket;
  readonly windowBytes: number;
  /** Sent and not taken yet. */
  untakenBytes: number;
  takenMs: number;
  sentMs: number;
  /** When it was stopped; null: it goes on. */
  stoppedMs: number | null;
}

/** Captures of an agent's packets: for NAT machines by the control channel, for its own host by the socket. */
export class PacketCaptures {
  readonly #options: PacketCapturesOptions;
  readonly #desk = new CaptureDesk();
  readonly #running = new Map<string, Running>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(options: PacketCapturesOptions) {
    this.#options = options;
  }

  /** Answers the verb `capture` of this agent's own socket. @throws {AdminError} */
  run(request: AdminRequest, stream: Parameters<AdminHandler>[1]): Promise<CaptureResult> {
    const { filter: text, snapBytes, limitMs, at } = captureRequestOf(request);
    if (at.length > 0) {
      throw new AdminError("An agent captures its own packets only: leave --at out", 2);
    }
    let filter: CaptureTest | null;
    try {
      filter = resolveCaptureFilter(parseCaptureFilter(text), this.#names());
    } catch (error) {
      throw new AdminError((error as Error).message, 2);
    }
    const place = new LocalPlace("agent", {
      begin: () => WorkerCapture.begin(this.#options.threads, { filter, snapBytes }),
      links: this.#links(),
      nameOf: (slot) => this.#nameOf(slot),
    });
    return this.#desk.run([place], limitMs, stream);
  }

  /** How many go on, for NAT machines and for this host. */
  get size(): number {
    return this.#running.size + this.#desk.size;
  }

  stop(id: unknown): { stopped: true } {
    return this.#desk.stop(id);
  }

  /** The packet thread is about to end. */
  async stopAll(): Promise<void> {
    this.#desk.stopAll();
    for (const running of [...this.#running.values()]) await this.#end(running, "the agent stops");
  }

  /** What a NAT machine wants. */
  order(nat: string, order: CaptureOrder): void {
    if (order.type === "capture") return void this.#begin(nat, order);
    const running = this.#running.get(keyOf(nat, order.id));
    if (running === undefined) return;
    if (order.type === "captureTaken") {
      running.untakenBytes = Math.max(0, running.untakenBytes - order.bytes);
      running.takenMs = this.#options.now();
    } else if (running.stoppedMs === null) {
      running.stoppedMs = this.#options.now();
      // What was captured until now is still handed over.
      running.capture.end().catch(() => {});
    }
  }

  /** Nobody is there any more to see packets. */
  lost(nat: string): void {
    for (const running of [...this.#running.values()]) {
      if (running.nat === nat) void this.#end(running, null);
    }
  }

  async #begin(nat: string, order: Capture): Promise<void> {
    const { id, snapBytes, windowBytes } = order;
    const key = keyOf(nat, id);
    const { threads, now } = this.#options;
    try {
      if (this.#running.size >= MAX_CAPTURES || this.#running.has(key)) {
        throw new Error(`${MAX_CAPTURES} captures run already`);
      }
      const filter = this.#filterFor(nat, order.filter);
      const capture = await WorkerCapture.begin(threads, { filter, snapBytes });
      const perSecond = Math.min(order.bytesPerSecond, this.#linkBytesPerSecond() / LINK_PART);
      this.#running.set(key, {
        nat,
        id,
        capture,
        feed: new CaptureFeed(capture, (slot) => this.#nameOf(slot)),
        budget: new TokenBucket({ perSecond, burst: perSecond / 4, nowMs: now() }),
        windowBytes,
        untakenBytes: 0,
        takenMs: now(),
        sentMs: now(),
        stoppedMs: null,
      });
      const { sources, outputs } = this.#links();
      this.#send(nat, { type: "captureBegun", id, sources: [...sources], outputs: [...outputs] });
      this.#timer ??= setInterval(() => this.#pump(), PUMP_MS);
    } catch (error) {
      const counts = { captured: 0, filtered: 0, lost: 0 };
      const reason = asReason((error as Error).message);
      this.#send(nat, { type: "captureEnded", id, reason, counts });
    }
  }

  /** Of another NAT machine's clients it is shown nothing. */
  #filterFor(nat: string, text: string): CaptureTest | null {
    const announced = this.#options.announced.get(nat);
    const wanted = resolveCaptureFilter(parseCaptureFilter(text), {
      service: (name) => {
        const found = announced?.services.find((it) => it.name === name);
        if (found === undefined) throw new Error(`there is no service "${name}" here`);
        return found;
      },
    });
    const own: CaptureTest = {
      op: "or",
      of: this.#options.snatOf(nat).map((prefix) => ({
        op: "endpoint",
        name: "nat",
        endpoint: formatPrefix(prefix),
      })),
    };
    return wanted === null ? own : { op: "and", of: [own, wanted] };
  }

  #pump(): void {
    const now = this.#options.now();
    for (const running of [...this.#running.values()]) this.#pumpOne(running, now);
    if (this.#running.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #pumpOne(running: Running, now: number): void {
    const { nat, id, feed, budget, windowBytes, stoppedMs } = running;
    if (now - running.takenMs > UNTAKEN_MS) {
      return void this.#end(running, "nobody takes what is captured");
    }
    while (running.untakenBytes < windowBytes && !budget.isEmpty(now)) {
      const { batch, bytes } = feed.next(BATCH_BYTES);
      if (bytes === 0 && stoppedMs !== null) return void this.#end(running, null);
      if (bytes === 0 && now - running.sentMs < SIGN_MS) return;
      running.sentMs = now;
      running.untakenBytes += bytes;
      budget.spend(bytes);
      const { data, sessions, counts } = batch;
      this.#send(nat, { type: "captured", id, data, sessions: [...sessions], counts });
      if (bytes === 0) return;
    }
    if (stoppedMs !== null && now - stoppedMs > ENDING_MS) void this.#end(running, null);
  }

  async #end(running: Running, reason: string | null): Promise<void> {
    const { nat, id, capture } = running;
    if (!this.#running.delete(keyOf(nat, id))) return;
    await capture.end().catch(() => {});
    const { captured, filtered, lost } = capture.counts;
    const counts = { captured, filtered, lost };
    this.#send(nat, { type: "captureEnded", id, reason, counts });
  }

  #links(): CaptureLinks {
    return { sources: [this.#options.device], outputs: this.#options.interfaces() };
  }

  /** Of the slowest interface. */
  #linkBytesPerSecond(): number {
    const speeds = this.#options.interfaces().map(linkSpeed);
    return Math.min(...speeds) * 1_000_000 / 8;
  }

  /** Session and service of an instruction. */
  #nameOf(slot: number): { session: string; service: string } | null {
    const text = this.#options.textOf(slot);
    if (text === undefined) return null;
    for (const { services } of this.#options.announced.values()) {
      const found = services.find((it) =>
        it.protocol === text.protocol && it.vip === text.rewrite.source
      );
      if (found !== undefined) return { session: text.session, service: found.name };
    }
    return { session: text.session, service: text.rewrite.source };
  }

  /** What names mean on this agent's own socket. */
  #names(): CaptureNames {
    const services = [...this.#options.announced.values()].flatMap((it) => it.services);
    return {
      service: (name) => {
        const found = services.find((it) => it.name === name);
        if (found !== undefined) return found;
        const names = services.map((it) => it.name).join(", ");
        throw new Error(`There is no service "${name}" here: there are ${names || "none"}`);
      },
      session: (id) => {
        const found = [...this.#options.instructions()].find((it) => it.session === id);
        if (found === undefined) throw new Error(`There is no instruction of session "${id}"`);
        const { protocol, match } = found;
        return { protocol, nat: match.destination, server: match.source };
      },
    };
  }

  #send(nat: string, message: CaptureNews): void {
    this.#options.send(nat, message);
  }
}

function keyOf(nat: string, id: string): string {
  return `${nat} ${id}`;
}
