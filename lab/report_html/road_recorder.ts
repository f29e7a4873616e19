import { follow } from "../../lib/control/admin_client.ts";
import type { ChartMark, ThroughputPoint } from "../../lib/page/throughput_chart.ts";
import type { BypathLab } from "../bypath_lab.ts";
import type { LabProcess } from "../lab_process.ts";
import type { NodeName } from "../topology.ts";

const EVERY_MS = 100;

/** Responses by way of the NAT machine leave it towards the clients; the others come to the router. */
const COUNTED = {
  viaNat: { node: "nat", device: "eth0", column: "sent" },
  viaBypass: { node: "router", device: "eth2", column: "received" },
} as const;

/** What follows the name of a device in /proc/net/dev: 8 columns of what was received, 8 of what was sent. */
const BYTES_COLUMN = { received: 0, sent: 8 } as const;

/** Throughput by path, from the kernel's interface counters, and when instructions began and ended. */
export class RoadRecorder implements AsyncDisposable {
  readonly points: ThroughputPoint[] = [];
  readonly marks: ChartMark[] = [];
  readonly #holders: ReadonlyMap<NodeName, LabProcess>;
  readonly #stop = new AbortController();
  readonly #ended: Promise<unknown>;

  private constructor(lab: BypathLab) {
    // Whoever has a process in a namespace can read its counters, without starting one each time.
    this.#holders = new Map(
      Object.values(COUNTED).map(({ node }) => [node, lab.lab.start(node, ["sleep", "infinity"])]),
    );
    this.#ended = Promise.all([this.#sample(), this.#follow(lab.socketOf("nat"))]);
  }

  static start(lab: BypathLab): RoadRecorder {
    return new RoadRecorder(lab);
  }

  /** Something that people did, now. */
  mark(label: string, text: string): void {
    this.marks.push({ atMs: Date.now(), label, text });
  }

  async #sample(): Promise<void> {
    let last: { atMs: number; viaNat: number; viaBypass: number } | null = null;
    while (!this.#stop.signal.aborted) {
      const now = { atMs: Date.now(), ...this.#read() };
      const seconds = last === null ? 0 : (now.atMs - last.atMs) / 1000;
      if (last !== null && seconds > 0 && now.viaNat >= last.viaNat) {
        this.points.push({
          atMs: now.atMs,
          viaNat: (now.viaNat - last.viaNat) / seconds,
          viaBypass: (now.viaBypass - last.viaBypass) / seconds,
        });
      }
      last = now;
      await this.#pause(EVERY_MS);
    }
  }

  #read(): { viaNat: number; viaBypass: number } {
    const bytes = ({ node, device, column }: typeof COUNTED[keyof typeof COUNTED]) => {
      try {
        const text = Deno.readTextFileSync(`/proc/${this.#holders.get(node)!.pid}/net/dev`);
        const line = text.split("\n").map((each) => each.trim())
          .find((each) => each.startsWith(`${device}:`));
        return Number(
          line?.slice(device.length + 1).trim().split(/\s+/)[BYTES_COLUMN[column]] ?? 0,
        );
      } catch {
        return 0; // The lab is being removed.
      }
    };
    return { viaNat: bytes(COUNTED.viaNat), viaBypass: bytes(COUNTED.viaBypass) };
  }

  /** Of one NAT machine after the other. */
  async #follow(socket: string): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const request = { verb: "events", follow: true };
        for await (const event of follow(socket, request, signal)) {
          const { time, type, reason } = event as { time: number; type: string; reason?: string };
          const label = type === "bypass-started" ? "I" : type === "bypass-stopped" ? "S" : null;
          if (label === null) continue;
          const what = label === "I" ? "installed" : "stopped";
          this.marks.push({ atMs: time, label, text: `${what}: ${reason ?? ""}` });
        }
      } catch {
        // None runs yet, or it was killed.
      }
      await this.#pause(EVERY_MS);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#ended;
    await Promise.all([...this.#holders.values()].map((holder) => holder.stop()));
  }
}
