import type { BypathLab } from "../../bypath_lab.ts";
import { mustRunHost } from "../../host_command.ts";
import type { LabProcess } from "../../lab_process.ts";
import type { IdleMeterReading } from "../../traffic/idle_meter.ts";

/** How long after its time a reading may come: on a busy CPU the meter has to wait. */
const READING_TIMEOUT_MS = 20_000;

/** CPU time that the whole machine, or some of its CPUs, spends, seen by meters that run only where nothing else does. */
export class MachineTime implements AsyncDisposable {
  readonly #meters: readonly LabProcess[];

  private constructor(meters: readonly LabProcess[]) {
    this.#meters = meters;
  }

  /** @param cpus default: all */
  static async start(
    lab: BypathLab,
    cpus = Array.from({ length: navigator.hardwareConcurrency }, (_, cpu) => cpu),
  ): Promise<MachineTime> {
    const meters = cpus.map(() => lab.startTraffic("switch", "idle-meter"));
    const made = new MachineTime(meters);
    try {
      for (const [i, meter] of meters.entries()) {
        await meter.waitForLine((line) => line.includes('"event":"taken"'));
        // Its main thread alone: a program that starts as idle would not get up on a busy CPU.
        await mustRunHost(["taskset", "--cpu-list", "--pid", `${cpus[i]}`, `${meter.pid}`]);
        await mustRunHost(["chrt", "--idle", "--pid", "0", `${meter.pid}`]);
      }
      return made;
    } catch (error) {
      await made[Symbol.asyncDispose]();
      throw error;
    }
  }

  get pids(): number[] {
    return this.#meters.map(({ pid }) => pid);
  }

  /** Seconds of CPU time, of these CPUs together, that others got while `body` ran. */
  async during<T>(body: () => Promise<T>): Promise<{ seconds: number; result: T }> {
    const from = Date.now();
    const result = await body();
    const to = Date.now();
    const taken = await Promise.all(this.#meters.map(async (meter) => {
      const readings: IdleMeterReading[] = [];
      await meter.waitForLine((line) => {
        readings.push(JSON.parse(line) as IdleMeterReading);
        return readings.at(-1)!.atMs >= to;
      }, { timeoutMs: READING_TIMEOUT_MS });
      return takenAt(readings, to) - takenAt(readings, from);
    }));
    return { seconds: taken.reduce((sum, ms) => sum + ms, 0) / 1000, result };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#meters.map((meter) => {
      meter.kill("SIGKILL");
      return meter.ended;
    }));
  }
}

/** The cumulative time at a moment, between the readings before and after it. Pure. */
export function takenAt(
  readings: readonly Pick<IdleMeterReading, "atMs" | "takenMs">[],
  atMs: number,
): number {
  const after = readings.findIndex((each) => each.atMs >= atMs);
  const next = readings[after];
  const last = readings[after - 1];
  if (next === undefined) throw new RangeError("Cannot read the meter: it has not said so much");
  if (last === undefined || next.atMs === last.atMs) return next.takenMs;
  const share = (atMs - last.atMs) / (next.atMs - last.atMs);
  return last.takenMs + share * (next.takenMs - last.takenMs);
}
