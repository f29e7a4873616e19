/**
 * Unpredictable numbers in [0, 1) for choices that an attacker must not guess, such as ports
 * (RFC 6056, 3.3.1 and RFC 4086). Draws many at a time.
 */
export function secureRandom(): () => number {
  const pool = new Uint32Array(1024);
  let next = pool.length;
  return () => {
    if (next === pool.length) {
      crypto.getRandomValues(pool);
      next = 0;
    }
    return pool[next++]! / 2 ** 32;
  };
}
