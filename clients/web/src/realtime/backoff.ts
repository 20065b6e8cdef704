/** Shortest ceiling of a reconnect delay, in milliseconds. */
export const BACKOFF_MS_MIN = 500;
/** Longest reconnect delay, in milliseconds. */
export const BACKOFF_MS_MAX = 20_000;

/**
 * Full-jitter backoff: a uniformly random delay below a ceiling that doubles with each attempt. The jitter spreads
 * a whole room's reconnects after a server restart instead of letting them arrive in waves.
 *
 * @param attempt number of failures so far, from 0
 * @param random a value in [0, 1)
 */
export function backoffMs(attempt: number, random: number): number {
  const ceiling = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(attempt, 16));
  // Never below a tenth of the shortest ceiling: a zero delay would hammer a server that refuses at once.
  return Math.max(BACKOFF_MS_MIN / 10, Math.floor(random * ceiling));
}
