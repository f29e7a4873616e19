import { verifyL4 } from "../wire/l4_checksum.ts";
import type { Packet } from "../wire/packet.ts";
import { probeNonce } from "../wire/path_probe.ts";

/** Nonces that are looked for at once; of more, the oldest are forgotten. */
const EXPECTED = 1024;

/**
 * Recognises the probes that agents were asked to send, among packets that are otherwise nobody's. What
 * was not asked for is left to be dropped as before.
 */
export class ProbeWatch {
  readonly #expected = new Float64Array(EXPECTED);
  readonly #seen: (nonce: number) => void;
  #next = 0;

  constructor(seen: (nonce: number) => void) {
    this.#seen = seen;
  }

  expect(nonce: number): void {
    this.#expected[this.#next] = nonce;
    this.#next = (this.#next + 1) % EXPECTED;
  }

  /** Whether the packet is a probe that was expected; it is told, once. */
  take(packet: Packet, partial: boolean): boolean {
    const nonce = probeNonce(packet);
    if (nonce === 0) return false;
    const at = this.#expected.indexOf(nonce);
    if (at < 0 || !verifyL4(packet, partial)) return false;
    this.#expected[at] = 0;
    this.#seen(nonce);
    return true;
  }
}
