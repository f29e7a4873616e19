import type { NatConfig, ServiceConfig } from "../config/nat_config.ts";
import type { Load } from "../config/rate.ts";
import { RateMeter } from "../policy/rate_meter.ts";
import { COUNTER, sumCounters } from "../session/counters.ts";

/** As many services as a configuration may have, and a few more. */
const SERVICES = 1024;
/** The meter has one subject: the machine. */
const MACHINE = 0;

/** How much the NAT machine carries, smoothed over a second. */
export interface MeasuredLoad {
  readonly bytesPerSecond: number;
  readonly packetsPerSecond: number;
  /** How much of a core its packet worker keeps busy, 0-1; of several, the busiest one. */
  readonly share: number;
}

/**
 * Measures the machine's load, and keeps a gate for each service with `bypass.start: load`: while it
 * is closed the packet worker reports none of its sessions.
 */
export class LoadGates {
  /** A byte a service, for the worker; 1: closed. */
  readonly closed: Uint8Array<SharedArrayBuffer> = new Uint8Array(new SharedArrayBuffer(SERVICES));
  readonly #counters: readonly Float64Array[];
  readonly #meter = new RateMeter(new ArrayBuffer(RateMeter.bytesFor(1)));
  /** Milliseconds of work of each worker, as if they were packets. */
  readonly #busy: RateMeter;
  #services: readonly ServiceConfig[] = [];

  /** @param counters of each packet worker */
  constructor(counters: readonly Float64Array[], config: NatConfig) {
    this.#counters = counters;
    this.#busy = new RateMeter(new ArrayBuffer(RateMeter.bytesFor(counters.length)));
    this.configure(config);
  }

  /** To be called before the worker takes the configuration, which may number its services anew. */
  configure(config: NatConfig): void {
    this.#services = config.services;
    for (let i = 0; i < SERVICES; i++) this.#set(i);
  }

  /** Looks at the counters; to be called about every second. */
  look(nowMs: number): void {
    const counters = sumCounters(this.#counters);
    this.#meter.sample(
      MACHINE,
      nowMs,
      counters[COUNTER.forwarded]!,
      counters[COUNTER.bytesForwarded]!,
    );
    this.#counters.forEach((of, worker) => {
      const busyMs = of[COUNTER.busyMs]!;
      this.#busy.sample(worker, nowMs, busyMs, busyMs);
    });
    for (let i = 0; i < this.#services.length; i++) this.#set(i);
  }

  get load(): MeasuredLoad {
    let busiest = 0;
    for (let worker = 0; worker < this.#counters.length; worker++) {
      busiest = Math.max(busiest, this.#busy.byteRate(worker));
    }
    return {
      bytesPerSecond: this.#meter.byteRate(MACHINE),
      packetsPerSecond: this.#meter.packetRate(MACHINE),
      share: Math.min(1, busiest / 1000),
    };
  }

  /** Is the load above the one that the service asks for, or does it ask for none? */
  allows({ bypass }: ServiceConfig): boolean {
    return bypass.start.load === undefined ||
      this.measured(bypass.start.load) > bound(bypass.start.load);
  }

  /** The load in the terms of a configured one. */
  measured(load: Load): number {
    const { bytesPerSecond, packetsPerSecond, share } = this.load;
    return load.of === "core" ? share : load.of === "bytes" ? bytesPerSecond : packetsPerSecond;
  }

  /** The load in the terms of the one that a service asks for; null when it asks for none. */
  loadFor(service: ServiceConfig | undefined): number | null {
    const load = service?.bypass.start.load;
    return load === undefined ? null : this.measured(load);
  }

  #set(service: number): void {
    const config = this.#services[service];
    this.closed[service] = config === undefined || this.allows(config) ? 0 : 1;
  }
}

function bound(load: Load): number {
  return load.of === "core" ? load.share : load.perSecond;
}
