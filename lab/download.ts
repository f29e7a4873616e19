import type { LabProcess } from "./lab_process.ts";
import type { HttpGetResult } from "./traffic/http_get.ts";

interface DownloadEvent {
  readonly event: string;
  readonly bytes?: number;
  readonly local?: string;
}

/** A download that runs in the lab, followed while it runs. */
export class Download {
  readonly process: LabProcess;

  constructor(process: LabProcess) {
    this.process = process;
  }

  /** The client's endpoint, `198.51.100.2:40000`, once it is connected. */
  async connected(): Promise<string> {
    const line = await this.process.waitForLine((line) => eventOf(line)?.event === "connected");
    return eventOf(line)?.local as string;
  }

  /** Waits until so many bytes have come to the client. */
  async reached(bytes: number, timeoutMs = 30_000): Promise<void> {
    await this.process.waitForLine((line) => (eventOf(line)?.bytes ?? -1) >= bytes, { timeoutMs });
  }

  /**
   * Has the rest come as fast as it can, and says how it ended. So a download lasts, at a low rate, for as long as a
   * host takes for what is to happen meanwhile.
   *
   * @throws {LabProcessError} when it ended without a result
   */
  async finish(timeoutMs?: number): Promise<HttpGetResult> {
    await this.reached(0);
    this.process.kill("SIGUSR1");
    return await this.result(timeoutMs);
  }

  /** How it ended, well or not. @throws {LabProcessError} when it ended without a result */
  async result(timeoutMs = 120_000): Promise<HttpGetResult> {
    const line = await this.process.waitForLine(
      (line) => eventOf(line)?.event === "done",
      { timeoutMs },
    );
    return JSON.parse(line) as HttpGetResult;
  }
}

function eventOf(line: string): DownloadEvent | null {
  return line.startsWith("{") ? JSON.parse(line) as DownloadEvent : null;
}
