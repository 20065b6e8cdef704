/**
 * A pause with jitter: `minMs` and a random share of `minMs` doubled with each failure, at most `maxMs`. The jitter spreads
 * a whole room's reconnects after a restart of the server instead of letting them arrive in waves.
 *
 * @param attempt failures so far, from 0
 * @param random a number in [0, 1)
 */
export function pauseMs(attempt: number, random: number, minMs: number, maxMs: number): number {
  const spread = Math.min(maxMs, minMs * 2 ** Math.min(attempt, 32));
  return Math.min(maxMs, Math.floor(minMs + random * spread));
}
