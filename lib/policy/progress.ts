/**
 * Whether what a server sends directly arrives, judged from outside: the agent says what it sent, and
 * the client's acknowledgements still pass the NAT machine. Pure: time is an argument.
 *
 * ```
 *  seen                                                        judged
 *  acknowledged beyond what passed the NAT machine             proven
 *  nothing outstanding, or the client's window is closed       (nothing: idle, keep-alives, a slow reader)
 *  outstanding, acknowledgements stand still
 *     and it was sent again                                    suspect
 *     and again, for 0.7 s, or only once, for 1.5 s            stalled
 *     on a path that is known to lose some: for 2.2 s          stalled
 *  the client sends the same three times within 0.7 s,
 *     while the agent goes on answering it                     unheard
 *  a quarter of what was sent had to be sent again             lossy
 * ```
 *
 * The times fit between the retransmissions of common stacks (0.2, 0.6, 1.4 and 3 s after a loss, RFC
 * 6298 with a smallest timeout of 0.2 s): a session that is stopped at 0.7 s goes on at 1.4 s, and the
 * latest judgement is made before 3 s. On a path that loses one packet in ten it takes four losses of the
 * same segment in a row to be misjudged.
 *
 * Whoever guesses a session's addresses and ports can send acknowledgements in its client's name. One of
 * data that the agent has not told of, and can hardly have sent since, is taken for no word of the
 * client (RFC 5961, 5.2, with what is known here).
 *
 * @module
 */

/** What is known of one TCP session whose responses bypass. Sequence numbers as signed integers. */
export interface ProgressSample {
  /** The client's newest acknowledgement. */
  readonly acknowledgement: number;
  /** The client's window is closed: nothing is to be expected of it. */
  readonly zeroWindow: boolean;
  /** The client's highest sequence number, and how many segments it has sent again since that rose. */
  readonly clientSequence: number;
  readonly clientResent: number;
  /** The highest sequence number that came by way of the NAT machine. */
  readonly natSequence: number;
  /** What the agent sent directly; null when it has not sent anything yet. */
  readonly sequence: number | null;
  readonly packets: number;
  readonly bytes: number;
  readonly resent: number;
  readonly resentAgain: number;
}

export type Judgement =
  | "none"
  /** Data that went directly was acknowledged. */
  | "proven"
  /** To be looked at again soon. */
  | "suspect"
  | "stalled"
  | "unheard"
  | "lossy";

/** Sent again after a resend, and not acknowledged for so long. */
const STALLED_MS = 700;
/** Sent again once: stacks whose smallest timeout is a second have sent it twice by now. */
const STALLED_SLOWLY_MS = 1_500;
/** The same on a path that is known to lose packets. */
const PATIENT_MS = 2_200;
/** An ICMP error says that it did not arrive, and nothing else says that it did. */
const REPORTED_MS = 300;
/** How often the client sends the same, and for how long that is seen. */
const UNHEARD_RESENT = 3;
const UNHEARD_MS = 700;

/** A path with more losses than this among its recent packets is known to lose some. */
const LOSSY_SHARE = 0.02;
const FADING = 0.8;
/** Losses beyond this make the direct path worse than the other one, which TCP would fill. */
const UNUSABLE_SHARE = 0.25;
const UNUSABLE_PACKETS = 200;
const UNUSABLE_MS = 3_000;
/**
 * How far an acknowledgement may be beyond what the agent has told: it tells once a second, and may have
 * sent this much since, or twice what it sent in the second before.
 */
const UNTOLD_BYTES = 1 << 20;
/** Agents count super-packets as one; this is what is in them. */
const SEGMENT_BYTES = 1_448;

/** What has been seen of one session since its instruction came. */
export class ProgressWatch {
  readonly sinceMs: number;
  /** Since when acknowledgements stand still though something is outstanding; NaN: they do not. */
  #stillMs = NaN;
  #acknowledgement: number;
  /** The highest sequence number known to have been sent, and by how much it rose last. */
  #told: number;
  #rise = 0;
  #natSequence: number;
  /** More was acknowledged than came by way of the NAT machine. */
  #isBeyond = false;
  #resent: number;
  #resentAgain: number;
  /** Since when the client sends the same again; NaN: it does not. */
  #repeatingMs = NaN;
  #clientSequence: number;
  #answers: number;
  #reportedMs = -Infinity;
  /** Of the recent past, as long as there was progress. */
  #recentPackets = 0;
  #recentResent = 0;
  #counted: { readonly packets: number; readonly resent: number };
  /** Where the present look at the share of losses began. */
  #begun: { readonly ms: number; readonly packets: number; readonly resent: number };

  constructor(sample: ProgressSample, now: number) {
    this.sinceMs = now;
    this.#acknowledgement = sample.acknowledgement;
    this.#told = this.#natSequence = sample.natSequence;
    this.#resent = sample.resent;
    this.#resentAgain = sample.resentAgain;
    this.#clientSequence = sample.clientSequence;
    this.#answers = sample.packets;
    this.#counted = { packets: segments(sample), resent: sample.resent };
    this.#begun = { ms: now, ...this.#counted };
  }

  /** For how long nothing has been seen to arrive, in ms. */
  stillMs(now: number): number {
    const since = [this.#stillMs, this.#repeatingMs].filter((it) => !Number.isNaN(it));
    return since.length === 0 ? 0 : now - Math.min(...since);
  }

  /** A router has said that a packet of this session cannot be delivered. */
  reported(now: number): void {
    this.#reportedMs = now;
  }

  /** Is the path known to lose packets, so that a stall may be chance? */
  get losesSome(): boolean {
    return this.#recentResent >= 2 && this.#recentResent > LOSSY_SHARE * this.#recentPackets;
  }

  /** Whoever watched was away: what happened meanwhile says nothing, and what is seen now is the beginning. */
  resume(sample: ProgressSample, now: number): void {
    this.#stillMs = NaN;
    this.#repeatingMs = NaN;
    this.#acknowledgement = sample.acknowledgement;
    this.#clientSequence = sample.clientSequence;
    this.#resent = sample.resent;
    this.#resentAgain = sample.resentAgain;
    this.#answers = sample.packets;
    this.#countAnew(sample, now);
  }

  /** Takes in what is seen now. */
  observe(sample: ProgressSample, now: number): Judgement {
    const isWord = this.#isWord(sample);
    const moved = isWord && ahead(sample.acknowledgement, this.#acknowledgement) > 0;
    if (moved) {
      this.#acknowledgement = sample.acknowledgement;
      this.#count(sample);
    }
    const zeroWindow = isWord && sample.zeroWindow;
    if (zeroWindow) this.#countAnew(sample, now);
    const outstanding = sample.sequence !== null &&
      ahead(sample.sequence, this.#acknowledgement) > 0;
    const waits = outstanding && !moved && !zeroWindow;
    if (!waits) {
      this.#stillMs = NaN;
      this.#resent = sample.resent;
      this.#resentAgain = sample.resentAgain;
    } else if (Number.isNaN(this.#stillMs)) this.#stillMs = now;
    const unheard = this.#isUnheard(sample, moved, now);
    if (waits && this.#isStalled(sample, now)) return "stalled";
    if (unheard) return "unheard";
    if (moved && this.#isUnusable(sample, now)) return "lossy";
    if (waits && (sample.resent > this.#resent || this.#isReported)) return "suspect";
    if (!Number.isNaN(this.#repeatingMs)) return "suspect";
    // The handshake and a FIN are acknowledged as one byte that no counter of data has.
    if (moved && ahead(sample.acknowledgement, sample.natSequence) > 1) this.#isBeyond = true;
    return moved && sample.sequence !== null && this.#isBeyond ? "proven" : "none";
  }

  /** May the acknowledgement be the client's? */
  #isWord({ acknowledgement, sequence, natSequence }: ProgressSample): boolean {
    // While it stands still the others may get ahead of it by more than half of all numbers.
    if (natSequence !== this.#natSequence) {
      this.#tell(this.#natSequence = natSequence);
      this.#isBeyond = false;
    }
    if (sequence !== null) this.#tell(sequence);
    return ahead(acknowledgement, this.#told) <= UNTOLD_BYTES + 2 * this.#rise;
  }

  #tell(sequence: number): void {
    const rise = ahead(sequence, this.#told);
    if (rise <= 0) return;
    this.#told = sequence;
    this.#rise = rise;
  }

  get #isReported(): boolean {
    return this.#reportedMs >= this.#stillMs;
  }

  #isStalled(sample: ProgressSample, now: number): boolean {
    const stillMs = now - this.#stillMs;
    if (this.#isReported && stillMs >= REPORTED_MS) return true;
    if (sample.resentAgain > this.#resentAgain) {
      return stillMs >= (this.losesSome ? PATIENT_MS : STALLED_MS);
    }
    return sample.resent > this.#resent && !this.losesSome && stillMs >= STALLED_SLOWLY_MS;
  }

  /** Does the client send the same again and again, though the agent answers it? */
  #isUnheard(sample: ProgressSample, moved: boolean, now: number): boolean {
    const advanced = ahead(sample.clientSequence, this.#clientSequence) > 0;
    if (advanced) this.#clientSequence = sample.clientSequence;
    if (advanced || moved || sample.clientResent === 0) {
      this.#repeatingMs = NaN;
      this.#answers = sample.packets;
      return false;
    }
    if (Number.isNaN(this.#repeatingMs)) {
      this.#repeatingMs = now;
      this.#answers = sample.packets;
    }
    return sample.clientResent >= UNHEARD_RESENT && sample.packets > this.#answers &&
      now - this.#repeatingMs >= UNHEARD_MS;
  }

  #count(sample: ProgressSample): void {
    const packets = segments(sample);
    this.#recentPackets = this.#recentPackets * FADING + packets - this.#counted.packets;
    this.#recentResent = this.#recentResent * FADING + sample.resent - this.#counted.resent;
    this.#counted = { packets, resent: sample.resent };
  }

  /** Probes of a closed window are sent again without being lost. */
  #countAnew(sample: ProgressSample, now: number): void {
    this.#counted = { packets: segments(sample), resent: sample.resent };
    this.#begun = { ms: now, ...this.#counted };
  }

  #isUnusable(sample: ProgressSample, now: number): boolean {
    const packets = segments(sample);
    const { ms, packets: before, resent } = this.#begun;
    if (now - ms < UNUSABLE_MS || packets - before < UNUSABLE_PACKETS) return false;
    const isLossy = sample.resent - resent >= UNUSABLE_SHARE * (packets - before);
    this.#begun = { ms: now, packets, resent: sample.resent };
    return isLossy;
  }
}

/** How far `a` is beyond `b` (RFC 9293, 3.4). */
function ahead(a: number, b: number): number {
  return (a - b) | 0;
}

/** Packets as the network sees them. */
function segments({ packets, bytes }: ProgressSample): number {
  return Math.max(packets, Math.floor(bytes / SEGMENT_BYTES));
}
