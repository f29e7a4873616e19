import type { BypathLab } from "../../bypath_lab.ts";
import { processesIn } from "../../namespace.ts";
import { PacketRates, type Rates } from "../meters/packet_rates.ts";
import { startLoadFromRouter } from "./datagrams.ts";

/** A load is under way for so long before it is looked at: by then queues are as full as they get. */
const BEFORE_MS = 1_000;
/** It lasts so much longer than it is looked at, since timers of a busy CPU come late. */
const LONGER_MS = 700;

/** Small datagrams of sessions that exist, from the router, counted by the kernels of router and server. */
export class CountedLoad {
  readonly #lab: BypathLab;
  readonly #host: string;
  readonly #device: string;
  readonly seconds: number;

  constructor(lab: BypathLab, { host, device, seconds }: {
    readonly host: string;
    /** That it leaves the router by. */
    readonly device: string;
    readonly seconds: number;
  }) {
    this.#lab = lab;
    this.#host = host;
    this.#device = device;
    this.seconds = seconds;
  }

  /** Offers a rate, and tells what the kernels counted meanwhile. */
  async offer(
    rate: number,
    { at = 0, seconds = this.seconds }: { readonly at?: number; readonly seconds?: number } = {},
  ): Promise<Rates & { readonly sent: number }> {
    const sendingS = seconds + (BEFORE_MS + LONGER_MS) / 1000;
    const options = { host: this.#host, rate, seconds: sendingS, at };
    const sender = await startLoadFromRouter(this.#lab, options);
    const started = performance.now();
    await delay(BEFORE_MS);
    const [receiver] = await processesIn(this.#lab.lab.namespace("s1"));
    const rates = new PacketRates({ pid: sender.pid, device: this.#device }, receiver!);
    await delay(seconds * 1000);
    const result = rates.now();
    await sender.stop();
    const sentS = Math.min(sendingS, (performance.now() - started) / 1000);
    await rates.ended();
    return { ...result, sent: result.offered * sentS };
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
