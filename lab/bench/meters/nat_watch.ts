import type { BypathLab } from "../../bypath_lab.ts";
import type { InspectedServer } from "../../inspect_json.ts";

const LOOK_EVERY_MS = 100;

/**
 * Looks at a NAT machine again and again, until it is disposed of: how long its control socket takes to
 * answer, and whether it finds agent and server well.
 */
export class NatWatch implements AsyncDisposable {
  readonly #looking: Promise<void>;
  #over = false;
  #looks = 0;
  #well = 0;
  #longestMs = 0;

  constructor(lab: BypathLab) {
    this.#looking = this.#look(lab);
  }

  async end(): Promise<{ longestMs: number; wellShare: number }> {
    this.#over = true;
    await this.#looking;
    return { longestMs: this.#longestMs, wellShare: this.#well / this.#looks };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  async #look(lab: BypathLab): Promise<void> {
    const hasAgent = lab.isRunning("s1");
    while (!this.#over) {
      const asked = performance.now();
      const servers = await lab.ask<InspectedServer[]>("servers").catch(() => []);
      this.#longestMs = Math.max(this.#longestMs, performance.now() - asked);
      this.#looks++;
      const isWell = servers.length > 0 &&
        servers.every(({ health, agent }) =>
          health !== "down" && (!hasAgent || (agent.connected && agent.bypass === "able"))
        );
      if (isWell) this.#well++;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }
}
