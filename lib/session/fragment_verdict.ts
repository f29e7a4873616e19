/**
 * What `FragmentTracker.track` says of a fragment when the answer is not an owner: negative, so
 * that owners and verdicts share one number.
 */
export const FRAGMENT = {
  /** A first fragment: find who translates it, then say so with `own`. */
  first: -1,
  /** Its first fragment has not come yet: keep its bytes in the slot that `heldSlot` names. */
  held: -2,

  // Everything below is to be dropped.

  /** Has been here with the same extent: drop this copy alone. */
  duplicate: -3,
  /** Shares bytes with another fragment: the whole datagram is poisoned (RFC 5722 section 3). */
  overlap: -4,
  /** Contradicts where the last fragment ends: the whole datagram is poisoned. */
  pastEnd: -5,
  /** The reassembled datagram would exceed 65,535 bytes: the whole datagram is poisoned. */
  tooLong: -6,
  /** In more fragments, or with more of them before the first one, than allowed: poisoned. */
  tooMany: -7,
  /** Of a datagram that was poisoned before. */
  poisoned: -8,
  /** Of a datagram whose first fragment found no owner. */
  refused: -9,
  /** Would have to be held, and there is no place for it. */
  noRoom: -10,
} as const;
