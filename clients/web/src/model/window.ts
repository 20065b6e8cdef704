import type { Message } from './types.ts';
import { indexOfOffset } from './timeline.ts';

/** Messages that are on the page at once, however many are loaded: more than three screens of the shortest ones. */
export const SHOWN_MAX = 160;
/** By how many messages the shown part moves when its reader comes near one of its ends. */
const STEP = 30;

/** The shown part of the loaded messages, by its last one; null follows the newest. */
export type ShownEnd = number | null;

/** First index and end index (exclusive) of what is shown. */
export function shown(items: readonly Message[], end: ShownEnd): readonly [from: number, to: number] {
  const to = end === null ? items.length : endAfter(items, end);
  return [Math.max(0, to - SHOWN_MAX), to];
}

function endAfter(items: readonly Message[], offset: number): number {
  const index = indexOfOffset(items, offset);
  return index >= 0 ? index + 1 : ~index;
}

/** The end of a part further up; the same when the first loaded message is shown already. */
export function earlier(items: readonly Message[], end: ShownEnd): ShownEnd {
  const [from, to] = shown(items, end);
  return from === 0 ? end : at(items, to - Math.min(STEP, from));
}

/** The end of a part further down. */
export function later(items: readonly Message[], end: ShownEnd): ShownEnd {
  return end === null ? null : at(items, shown(items, end)[1] + STEP);
}

/** The end of a part that has a message in its middle. */
export function around(items: readonly Message[], offset: number): ShownEnd {
  return at(items, Math.max(endAfter(items, offset) + SHOWN_MAX / 2, SHOWN_MAX));
}

function at(items: readonly Message[], to: number): ShownEnd {
  return to >= items.length ? null : (items[to - 1]?.offset ?? null);
}
