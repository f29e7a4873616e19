/**
 * What tracking fragments costs: `deno bench lib/session/fragment_bench.ts`.
 *
 * One iteration is 64 fragments, or 64 identifications; divide by 64.
 */

import { Packet } from "../wire/packet.ts";
import { FRAGMENT } from "./fragment_verdict.ts";
import { FragmentTracker } from "./fragment_tracker.ts";
import { IpIdentifications } from "./ip_identification.ts";

const FRAGMENTS = 64;
const FRAGMENT_BYTES = 1480;

/** A stream of fragments as a packet says them after `parse`. */
class Stream {
  readonly packet = new Packet();
  readonly #tracker = new FragmentTracker({ key: [1, 2] });
  #nowMs = 0;
  #sent = 0;

  constructor(family: 4 | 6) {
    const { packet } = this;
    packet.family = family;
    packet.protocol = 17;
    packet.isFragment = true;
    packet.ipHeaderBytes = family === 4 ? 20 : 48;
    packet.totalBytes = packet.ipHeaderBytes + FRAGMENT_BYTES;
    packet.l4Bytes = FRAGMENT_BYTES;
    packet.fragmentHeaderOffset = family === 4 ? 0 : 40;
    const mapped = family === 4 ? [0, 0, 0xffff] : [0x20010db8, 0, 0];
    packet.addresses.set([...mapped, 0x0a000001, ...mapped, 0x0a00000b]);
  }

  /** Datagrams of so many fragments each, in the order of `places`. */
  datagrams(places: readonly number[]): number {
    const packet = this.packet;
    let forwarded = 0;
    for (let n = 0; n < FRAGMENTS; n += places.length) {
      packet.identification = ++this.#sent & 0xffff;
      for (let i = 0; i < places.length; i++) {
        packet.fragmentOffsetBytes = places[i]! * FRAGMENT_BYTES;
        packet.moreFragments = places[i]! < places.length - 1;
        forwarded += this.#one();
      }
    }
    this.#tracker.expire(this.#nowMs += 0.1);
    return forwarded;
  }

  /** First fragments, or second ones, of datagrams that never become complete. */
  flood(place: number): number {
    const packet = this.packet;
    packet.fragmentOffsetBytes = place * FRAGMENT_BYTES;
    packet.moreFragments = true;
    let forwarded = 0;
    for (let n = 0; n < FRAGMENTS; n++) {
      packet.addresses[3] = ++this.#sent;
      forwarded += this.#one();
    }
    this.#tracker.expire(this.#nowMs += 0.1);
    return forwarded;
  }

  #one(): number {
    const tracker = this.#tracker;
    const verdict = tracker.track(this.packet, this.#nowMs);
    if (verdict >= 0) return 1;
    if (verdict !== FRAGMENT.first) return 0;
    tracker.own(7, this.#sent);
    let count = 1;
    while (tracker.nextHeld() >= 0) count++;
    return count;
  }
}

function bench(name: string, run: () => number, forwarded: number): void {
  Deno.bench(name, () => {
    if (run() !== forwarded) throw new Error("Not forwarded as expected");
  });
}

const IN_ORDER = [0, 1, 2, 3];
const REVERSED = [3, 2, 1, 0];
const LONG = Array.from({ length: 32 }, (_, i) => i);
const LONG_REVERSED = LONG.toReversed();

for (const family of [4, 6] as const) {
  const stream = () => new Stream(family);
  const a = stream(), b = stream(), c = stream(), d = stream(), e = stream(), f = stream();
  bench(`IPv${family}, datagrams of 4 fragments`, () => a.datagrams(IN_ORDER), 64);
  bench(`IPv${family}, of 4, last one first`, () => b.datagrams(REVERSED), 64);
  bench(`IPv${family}, of 32`, () => c.datagrams(LONG), 64);
  bench(`IPv${family}, of 32, last one first`, () => d.datagrams(LONG_REVERSED), 64);
  bench(`IPv${family}, flood of first fragments`, () => e.flood(0), 64);
  bench(`IPv${family}, flood of later fragments`, () => f.flood(1), 0);

  const identifications = new IpIdentifications([1, 2]);
  const addresses = stream().packet.addresses;
  bench(`IPv${family}, identifications`, () => {
    let sum = 0;
    for (let n = 0; n < FRAGMENTS; n++) sum += identifications.next(family, addresses, 17, 0);
    return sum === 0 ? 1 : 0;
  }, 0);
}
