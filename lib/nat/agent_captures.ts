import type { CaptureCounts, CaptureLinks } from "../control/capture_feed.ts";
import type { CaptureListener, CapturePlace } from "../control/capture_place.ts";
import { hasFeature, plainProgram } from "../control/features.ts";
import type { CaptureNews, CaptureOrder } from "../control/messages.ts";
import type { KnownAgent } from "./agent_registry.ts";

/** What an agent may send of a capture: less than a hundredth of a link of 1 Gbit/s. */
const BYTES_PER_SECOND = 1_000_000;
/** On its way at once; heartbeats wait behind it. */
const WINDOW_BYTES = 128 * 1024;
const ANSWER_MS = 5_000;
/** What was captured before the end is worth waiting for so long. */
const ENDING_MS = 5_000;
const NOTHING: CaptureCounts = { captured: 0, filtered: 0, lost: 0 };

interface AgentCapture {
  readonly agent: string;
  readonly listener: CaptureListener;
  readonly begun: PromiseWithResolvers<CaptureLinks>;
  readonly ended: PromiseWithResolvers<void>;
  counts: CaptureCounts;
  isStopping: boolean;
}

/** Captures at agents, through the control channel. */
export class AgentCaptures {
  readonly #send: (agent: string, message: CaptureOrder) => void;
  readonly #captures = new Map<string, AgentCapture>();

  constructor(send: (agent: string, message: CaptureOrder) => void) {
    this.#send = send;
  }

  /**
   * An agent as a place to capture at.
   * @param filter its sessions resolved: an agent knows them by their endpoints only
   */
  place(
    { name, connected, program }: Pick<KnownAgent, "name" | "connected" | "program">,
    { filter, snapBytes }: { filter: string; snapBytes: number },
  ): CapturePlace {
    const id = crypto.randomUUID();
    let capture: AgentCapture | null = null;
    return {
      name,
      begin: async (listener) => {
        if (!connected) throw new Error(`Cannot capture at agent ${name}: it is not connected`);
        if (!hasFeature(program, "capture/1")) {
          throw new Error(
            `Cannot capture at agent ${name}: it runs ${plainProgram(program)}, which cannot; ` +
              "upgrade it",
          );
        }
        const begun: AgentCapture = {
          agent: name,
          listener,
          begun: Promise.withResolvers(),
          ended: Promise.withResolvers(),
          counts: NOTHING,
          isStopping: false,
        };
        // Nobody may be waiting when it fails.
        begun.begun.promise.catch(() => {});
        capture = begun;
        this.#captures.set(id, begun);
        this.#send(name, {
          type: "capture",
          id,
          filter,
          snapBytes,
          bytesPerSecond: BYTES_PER_SECOND,
          windowBytes: WINDOW_BYTES,
        });
        try {
          return await within(ANSWER_MS, begun.begun.promise, "it does not answer");
        } catch (error) {
          this.#stop(id, begun);
          this.#captures.delete(id);
          throw new Error(`Cannot capture at agent ${name}: ${(error as Error).message}`);
        }
      },
      end: async () => {
        if (capture === null) return NOTHING;
        if (this.#captures.has(id)) {
          this.#stop(id, capture);
          await within(ENDING_MS, capture.ended.promise, "").catch(() => {});
          this.#captures.delete(id);
        }
        return capture.counts;
      },
    };
  }

  message(agent: string, message: CaptureNews): void {
    const capture = this.#captures.get(message.id);
    // It was given up, or is another agent's.
    if (capture === undefined || capture.agent !== agent) return;
    switch (message.type) {
      case "captureBegun": {
        const { sources, outputs } = message;
        return capture.begun.resolve({ sources, outputs });
      }
      case "captured": {
        const { id, data, sessions, counts } = message;
        capture.counts = counts;
        const bytes = Math.floor(data.length / 4 * 3);
        // Only once the inspector has taken it: who does not read slows down nobody but himself.
        capture.listener.batch({ data, sessions, counts }).then(
          () => this.#send(agent, { type: "captureTaken", id, bytes: Math.min(bytes, 1_000_000) }),
          () => this.#stop(id, capture),
        );
        return;
      }
      case "captureEnded":
        capture.counts = message.counts;
        return this.#over(message.id, capture, message.reason ?? "it was stopped");
    }
  }

  /** Its connection is gone, and with it what it captured. */
  lost(agent: string, reason: string): void {
    for (const [id, capture] of [...this.#captures]) {
      if (capture.agent === agent) this.#over(id, capture, `the connection was lost: ${reason}`);
    }
  }

  #over(id: string, capture: AgentCapture, reason: string): void {
    this.#captures.delete(id);
    capture.begun.reject(new Error(reason));
    capture.ended.resolve();
    if (!capture.isStopping) capture.listener.over(reason);
  }

  #stop(id: string, capture: AgentCapture): void {
    if (capture.isStopping) return;
    capture.isStopping = true;
    this.#send(capture.agent, { type: "captureStop", id });
  }
}

async function within<T>(ms: number, promise: Promise<T>, why: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(why)), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
