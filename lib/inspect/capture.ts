/**
 * `inspect capture`.
 *
 * @module
 */
import { ask } from "../control/admin_client.ts";
import { AdminConversation } from "../control/admin_conversation.ts";
import { AdminError } from "../control/admin_protocol.ts";
import type { CaptureEvent, CaptureResult } from "../control/capture_desk.ts";
import type { CaptureCounts } from "../control/capture_feed.ts";
import { parseCaptureFilter } from "../session/capture_filter.ts";
import { type CaptureSink, captureSink } from "./capture_sink.ts";
import { BatchReader, type PlacedPacket } from "./captured_packet.ts";
import type { Daemon } from "./daemon.ts";
import type { InspectHost } from "./host.ts";
import { OutputClosed } from "../linux/output_closed.ts";
import { exactCount } from "../config/human.ts";
import type { CaptureOptions, InspectOptions } from "./options.ts";
import { printable } from "./palette.ts";
import { TimeOrder } from "./time_order.ts";

/** Headers with options, and the beginning of what they carry. */
export const DEFAULT_SNAP_BYTES = 256;

/** Longer than what an agent captured takes to come here by way of the NAT machine. */
const HOLD_MS = 400;

export async function printCapture(
  daemon: Daemon,
  { json, capture }: InspectOptions,
  host: InspectHost,
): Promise<number> {
  if (capture === undefined) throw new AdminError("Cannot capture: nothing is said about it", 2);
  checkFilter(capture.filter);
  const path = await daemon.path();
  using conversation = await AdminConversation.open(path);
  if (conversation === null) throw new AdminError(`Cannot reach ${path}: nothing runs there`);
  const { snapBytes = DEFAULT_SNAP_BYTES, seconds } = capture;
  const events = conversation.follow({
    verb: "capture",
    filter: capture.filter,
    snapBytes,
    limitMs: seconds === undefined ? null : Math.round(seconds * 1000),
    at: capture.at,
  });
  return await new Capturing({ path, json, capture, snapBytes, host }).run(events);
}

interface CapturingOptions {
  readonly path: string;
  readonly json: boolean;
  readonly capture: CaptureOptions;
  readonly snapBytes: number;
  readonly host: InspectHost;
}

/** One capture, from its first packet to its statistics. */
class Capturing {
  readonly #options: CapturingOptions;
  readonly #readers = new Map<string, BatchReader>();
  readonly #counts = new Map<string, CaptureCounts>();
  readonly #order = new TimeOrder<PlacedPacket>(HOLD_MS, ({ packet }) => packet);
  #sink: CaptureSink | null = null;
  #id: string | null = null;
  #written = 0;
  #isStopping = false;

  constructor(options: CapturingOptions) {
    this.#options = options;
  }

  async run(events: AsyncGenerator<unknown, unknown>): Promise<number> {
    const { host } = this.#options;
    const stop = () => this.#stop();
    Deno.addSignalListener("SIGINT", stop);
    Deno.addSignalListener("SIGTERM", stop);
    let status = 0;
    try {
      for (let next = events.next();;) {
        await this.#beforeNext(next);
        const { value, done } = await next;
        if (done) {
          for (const { place, counts } of (value as CaptureResult).places) {
            this.#counts.set(place, counts);
          }
          break;
        }
        await this.#event(value as CaptureEvent);
        next = events.next();
      }
      await this.#show(this.#order.rest());
    } catch (error) {
      if (error instanceof OutputClosed) return 0;
      if (this.#sink === null) throw error;
      await this.#show(this.#order.rest());
      status = 1;
      host.complain(`The capture has ended: ${(error as Error).message}`);
    } finally {
      Deno.removeSignalListener("SIGINT", stop);
      Deno.removeSignalListener("SIGTERM", stop);
    }
    this.#sink?.finish(this.#counts);
    this.#tellCounts();
    return status;
  }

  async #event(event: CaptureEvent): Promise<void> {
    const { host } = this.#options;
    switch (event.kind) {
      case "begun": {
        this.#id = event.id;
        // Only now: wrong usage and a daemon that refuses leave an older file alone.
        this.#sink = captureSink(this.#options.capture, this.#options);
        for (const { place, links } of event.places) {
          this.#readers.set(place, new BatchReader(printable(place), links));
        }
        for (const { reason } of event.refused) host.complain(printable(reason));
        const places = event.places.map(({ place }) => printable(place)).join(", ");
        host.complain(`Capturing at ${places}, until ${this.#end()}`);
        if (this.#isStopping) this.#askToStop();
        return;
      }
      case "over":
        return host.complain(`No more from ${printable(event.place)}: ${printable(event.reason)}`);
      case "packets": {
        this.#counts.set(event.place, event.batch.counts);
        const now = performance.now();
        for (const placed of this.#readers.get(event.place)?.read(event.batch) ?? []) {
          this.#order.add(placed, now);
        }
        await this.#show(this.#order.take(now));
      }
    }
  }

  /** Until the next event, shows what has been held long enough. */
  async #beforeNext(next: Promise<unknown>): Promise<void> {
    for (;;) {
      const { dueMs } = this.#order;
      if (dueMs === null) return;
      const { promise, resolve } = Promise.withResolvers<"due">();
      const timer = setTimeout(() => resolve("due"), Math.max(0, dueMs - performance.now()));
      const first = await Promise.race([next, promise]).finally(() => clearTimeout(timer));
      if (first !== "due") return;
      await this.#show(this.#order.take(performance.now()));
    }
  }

  async #show(packets: readonly PlacedPacket[]): Promise<void> {
    const most = this.#options.capture.count ?? Infinity;
    for (const placed of packets) {
      if (this.#written === most) break;
      this.#written++;
      this.#sink!.packet(placed);
    }
    await this.#sink?.flush();
    if (this.#written === most) this.#stop();
  }

  #end(): string {
    const { count, seconds } = this.#options.capture;
    const ends = [
      ...(count === undefined ? [] : [`${exactCount(count)} packets`]),
      ...(seconds === undefined ? [] : [`${seconds} s have passed`]),
      "Ctrl-C",
    ];
    return ends.join(" or ");
  }

  /** Ends in order: what was captured until now still comes. */
  #stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#askToStop();
  }

  #askToStop(): void {
    if (this.#id === null) return;
    // Should the daemon have ended meanwhile, the stream says so.
    ask(this.#options.path, { verb: "capture-stop", id: this.#id }).catch(() => {});
  }

  #tellCounts(): void {
    const { host, capture } = this.#options;
    const what = capture.write === undefined ? "shown" : "written";
    const sum = (field: keyof CaptureCounts) =>
      exactCount([...this.#counts.values()].reduce((total, counts) => total + counts[field], 0));
    host.complain(
      `${exactCount(this.#written)} packets ${what}; ${sum("captured")} captured, ` +
        `${sum("filtered")} did not match, ${sum("lost")} lost because they were not taken in time`,
    );
  }
}

/** Before anybody is asked: wrong usage is told where nothing runs, too. */
function checkFilter(filter: string): void {
  try {
    parseCaptureFilter(filter);
  } catch (error) {
    throw new AdminError((error as Error).message, 2);
  }
}
