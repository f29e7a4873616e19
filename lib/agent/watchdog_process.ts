import type { LogFormat } from "../control/log.ts";
import { Backoff } from "../control/backoff.ts";
import { selfCommand } from "../datapath/self_command.ts";
import { makeMemoryFile, type MemoryFile } from "../linux/memory.ts";
import { Heartbeat, HEARTBEAT_BYTES } from "./heartbeat.ts";
import { Stillness } from "./stillness.ts";

/** A watchdog that does not look for so long is stopped, and another one takes its place. */
const LIMIT_MS = 3_000;
const LONGEST_TICK_MS = 300;
/** How long it may take to look for the first time, on a host with no time for it. */
const START_MS = 20_000;
/** After so long the pauses before a restart begin anew. */
const PROVEN_MS = 10_000;
/** How long one that was told to end may take. */
const PATIENCE_MS = 1_000;
/** How often each worker has to find its queue empty: once may have been just before the routes went. */
const EMPTY_ENOUGH = 2;
/** A worker that has not got so far after this does not go on, though the main thread does. */
const STUCK_MS = 2_000;

export interface WatchdogOptions {
  readonly logFormat: LogFormat;
  /** The tun device, whose routes it takes away. */
  readonly interfaceIndex: number;
  /** Packet workers that give signs of life. */
  readonly workers: number;
  /** The routes are gone, for that thread stood still. */
  readonly onWithdrawn: (thread: string) => void;
  /** What waited in the device is gone as well: the routes may come back. */
  readonly onDrained: () => void;
  /** The packet thread does not go on. */
  readonly onStuck: () => void;
  /** It has come to its end and will be started again. */
  readonly onEnded: (why: string) => void;
}

/** The agent's end of its watchdog: starts it, again when it ends, and hears what it has done. */
export class WatchdogProcess implements Disposable {
  readonly #options: WatchdogOptions;
  readonly #memory: MemoryFile = makeMemoryFile("bypath heartbeat", HEARTBEAT_BYTES);
  readonly #heartbeat = new Heartbeat(this.#memory.mapping.buffer);
  readonly #backoff = new Backoff({ firstMs: 100, longestMs: 5_000, random: Math.random });
  #stillness = new Stillness({ limitMs: START_MS, longestMs: LONGEST_TICK_MS });
  /** Its count of looks before it was started. */
  #firstLook = 0;
  #isLooking = false;
  /** Why it ended the last time, unless it had proven itself. */
  #lastWhy: string | null = null;
  #child: Deno.ChildProcess | null = null;
  #restart: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;
  #withdrawals = 0;
  /** The workers' counts of empty moments when the routes were found gone; null: they are there. */
  #emptyFrom: readonly number[] | null = null;
  /** When that was; boot time. */
  #withdrawnMs = 0;
  #isStuck = false;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#heartbeat.workers = options.workers;
  }

  /** Where the heartbeat is, for the packet workers. */
  get address(): bigint {
    return this.#memory.mapping.address;
  }

  /** Whether the routes were taken away and must not come back yet. */
  get isWithdrawn(): boolean {
    return this.#emptyFrom !== null;
  }

  /** Whether the packet thread stands still while the main thread goes on. */
  get isStuck(): boolean {
    return this.#isStuck;
  }

  /** To be called when the packet worker carries packets: from then on it has to give signs of life. */
  start(): void {
    const [program, ...args] = selfCommand();
    const descriptor = String(this.#memory.fd.number);
    const interfaceIndex = String(this.#options.interfaceIndex);
    let child: Deno.ChildProcess;
    try {
      child = new Deno.Command(program!, {
        args: [...args, "agent", "watchdog", descriptor, interfaceIndex, this.#options.logFormat],
        // Closed by whatever ends this process.
        stdin: "piped",
        stdout: "null",
        stderr: "inherit",
      }).spawn();
    } catch (error) {
      return this.#startAgain(`cannot be started: ${(error as Error).message}`);
    }
    const startedMs = performance.now();
    this.#child = child;
    this.#firstLook = this.#heartbeat.watchdog;
    this.#isLooking = false;
    this.#stillness = new Stillness({ limitMs: START_MS, longestMs: LONGEST_TICK_MS });
    child.status.then(({ code, signal }) => {
      this.#child = null;
      if (this.#isStopped) return;
      if (performance.now() - startedMs > PROVEN_MS) {
        this.#backoff.reset();
        this.#lastWhy = null;
      }
      this.#startAgain(signal === null ? `exit status ${code}` : signal);
    });
  }

  /** To be called ten times a second: the main thread's sign of life, and what the watchdog has done. */
  tick(nowMs: number): void {
    const heartbeat = this.#heartbeat;
    heartbeat.beatMain();
    this.#watchTheWatchdog(nowMs);
    const { withdrawals } = heartbeat;
    if (withdrawals !== this.#withdrawals) {
      this.#withdrawals = withdrawals;
      this.#emptyFrom = this.#idle();
      this.#withdrawnMs = nowMs;
      this.#options.onWithdrawn(heartbeat.cause);
    } else if (this.#emptyFrom !== null && this.#isDrained(this.#emptyFrom)) {
      this.#emptyFrom = null;
      this.#isStuck = false;
      this.#options.onDrained();
    } else if (this.isWithdrawn && !this.#isStuck && nowMs - this.#withdrawnMs >= STUCK_MS) {
      this.#isStuck = true;
      this.#options.onStuck();
    }
  }

  /** Ends it, and resolves when it is gone. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child !== null) {
      const timer = setTimeout(() => kill(child), PATIENCE_MS);
      await child.stdin.close().catch(() => {});
      await child.status;
      clearTimeout(timer);
    }
  }

  /** To be called when the packet worker has ended as well: it writes to this memory. */
  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }

  #idle(): number[] {
    return Array.from({ length: this.#options.workers }, (_, i) => this.#heartbeat.idle(i));
  }

  /** Has every worker found its queue empty since? */
  #isDrained(from: readonly number[]): boolean {
    return this.#idle().every((idle, i) => ((idle - from[i]!) | 0) >= EMPTY_ENOUGH);
  }

  #watchTheWatchdog(nowMs: number): void {
    const looks = this.#heartbeat.watchdog;
    if (!this.#isLooking && looks !== this.#firstLook) {
      this.#isLooking = true;
      this.#stillness = new Stillness({ limitMs: LIMIT_MS, longestMs: LONGEST_TICK_MS });
    }
    if (this.#stillness.look(looks, nowMs) && this.#child !== null) kill(this.#child);
  }

  #startAgain(why: string): void {
    // One that cannot start at all is tried again for ever, and told once.
    if (why !== this.#lastWhy) this.#options.onEnded(why);
    this.#lastWhy = why;
    this.#restart = setTimeout(() => this.start(), this.#backoff.pauseMs());
  }
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended since.
  }
}
