/** A way to send up to so many datagrams at once; returns how many the kernel took. */
export interface Volley {
  send(count: number): number;
}

export interface PacedOptions {
  /** Datagrams a second, of all volleys together. */
  readonly rate: number;
  readonly forMs: number;
  /** Ends after so many, should that be sooner. */
  readonly count?: number;
}

export interface PacedResult {
  readonly sent: number;
  readonly ms: number;
}

/** Between two looks at the clock: small bursts, as a link of many clients has them. */
const REST_MS = 0.2;
/** What is later than this is not caught up: it would come as a flood that nobody asked for. */
const MOST_BEHIND_MS = 5;

/** Sends by all volleys in turns, at a rate. Blocks its thread: a promise for each rest costs too much. */
export function sendPaced(
  volleys: readonly Volley[],
  { rate, forMs, count = Infinity }: PacedOptions,
): PacedResult {
  const never = new Int32Array(new SharedArrayBuffer(4));
  const perMs = rate / 1000;
  const start = performance.now();
  let origin = start;
  let sinceOrigin = 0;
  let sent = 0;
  let turn = 0;
  for (;;) {
    const now = performance.now();
    if (now - start >= forMs || sent >= count) return { sent, ms: now - start };
    let due = Math.floor((now - origin) * perMs) - sinceOrigin;
    if (due > MOST_BEHIND_MS * perMs + volleys.length) {
      due = Math.ceil(MOST_BEHIND_MS * perMs);
      origin = now - MOST_BEHIND_MS;
      sinceOrigin = 0;
    }
    due = Math.min(due, count - sent);
    while (due > 0) {
      const taken = volleys[turn++ % volleys.length]!.send(due);
      sent += taken;
      sinceOrigin += taken;
      due -= taken;
      if (taken === 0) break;
    }
    Atomics.wait(never, 0, 0, REST_MS);
  }
}
