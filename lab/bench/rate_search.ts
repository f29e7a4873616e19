/** What came of offering a rate. */
export interface Offered {
  /** What the sender reached, which may be less than it was asked for. */
  readonly reached: number;
  /** Share of what was sent that did not arrive. */
  readonly loss: number;
}

export interface RateSearchOptions {
  readonly from: number;
  /** Loss below that is none. */
  readonly tolerance: number;
  /** How often the interval between good and bad is halved. */
  readonly halvings: number;
}

export interface RateFound {
  /** The highest rate that got through; 0 when none did. */
  readonly rate: number;
  /** The sender could not send more than got through: the rate is its own, not the road's. */
  readonly senderLimited: boolean;
}

const STEP = 1.6;
const MOST_STEPS = 12;
/** A sender that reaches less than that of what it should has come to its own limit. */
const REACHED_SHARE = 0.9;

/**
 * The highest rate without loss: up in steps until something is lost, then halving the interval.
 * A sender that comes to its limit without loss ends the search.
 */
export async function searchRate(
  offer: (rate: number) => Promise<Offered>,
  { from, tolerance, halvings }: RateSearchOptions,
): Promise<RateFound> {
  let good = 0;
  let bad = Infinity;
  for (let step = 0, rate = from; step < MOST_STEPS && bad === Infinity; step++) {
    const { reached, loss } = await offer(rate);
    if (loss >= tolerance) {
      bad = Math.min(rate, reached);
      break;
    }
    good = Math.max(good, reached);
    if (reached < rate * REACHED_SHARE) return { rate: good, senderLimited: true };
    rate *= STEP;
  }
  if (bad === Infinity) return { rate: good, senderLimited: false };
  for (let i = 0; i < halvings; i++) {
    const rate = good === 0 ? bad / 2 : (good + bad) / 2;
    const { reached, loss } = await offer(rate);
    if (loss >= tolerance) bad = rate;
    else good = Math.max(good, reached);
  }
  return { rate: good, senderLimited: false };
}
