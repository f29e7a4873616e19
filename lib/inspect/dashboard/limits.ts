/** How many sessions the page shows; the others are for `inspect sessions`. */
export const MOST_SESSIONS = 100;
/** How many may look at the same time. */
export const MOST_VIEWERS = 32;
