import type { IpAddress } from "../wire/address.ts";
import { addressesOf, type AddressRange } from "../wire/prefix.ts";

/** RFC 5227 section 1.1 wants two announcements, RFC 4861 section 10 at most three. */
const ROUNDS = 3;
/** ANNOUNCE_INTERVAL of RFC 5227; RFC 4861 section 7.2.6 wants one second at least. */
const ROUND_MS = 2_000;
/** Thousands of addresses must flood neither the network nor the receivers' queues. */
const ADDRESSES_AT_ONCE = 32;
const BETWEEN_MS = 10;

export interface AnnouncementsOptions {
  /** Announces some addresses once. */
  readonly send: (addresses: readonly IpAddress[]) => void;
  /** From the end of one round to the next; default 2,000. */
  readonly roundMs?: number | undefined;
}

/** Announces addresses three times, with pauses: a single frame may be lost. */
export class Announcements {
  readonly #options: AnnouncementsOptions;
  #current = new AbortController();

  constructor(options: AnnouncementsOptions) {
    this.#options = options;
  }

  /**
   * Announces these addresses, from the beginning, in place of what is still being announced.
   * Resolves after the last frame, or as soon as `start` or `stop` ends it.
   */
  async start(ranges: readonly AddressRange[]): Promise<void> {
    this.stop();
    this.#current = new AbortController();
    const { signal } = this.#current;
    for (let round = 0; round < ROUNDS; round++) {
      if (round > 0) await pause(this.#options.roundMs ?? ROUND_MS, signal);
      for (const addresses of inPortions(addressesOf(ranges))) {
        if (signal.aborted) return;
        this.#options.send(addresses);
        await pause(BETWEEN_MS, signal);
      }
    }
  }

  stop(): void {
    this.#current.abort();
  }
}

function* inPortions(addresses: Iterable<IpAddress>): Generator<IpAddress[]> {
  let portion: IpAddress[] = [];
  for (const address of addresses) {
    portion.push(address);
    if (portion.length < ADDRESSES_AT_ONCE) continue;
    yield portion;
    portion = [];
  }
  if (portion.length > 0) yield portion;
}

/** Waits so many milliseconds, or until the signal is aborted. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
