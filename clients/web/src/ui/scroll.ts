import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { RefObject } from 'preact';

/** Closer to the end than this counts as being at the end, in CSS pixels. */
const BOTTOM_SLACK = 48;
/** Closer than this to an end of what is shown, more of it is shown or fetched, in CSS pixels. */
const AHEAD = 600;

interface Anchor {
  readonly element: HTMLElement;
  /** Where it stood in the content. */
  readonly offsetTop: number;
}

export interface LogScroll {
  readonly log: RefObject<HTMLDivElement | null>;
  readonly isAtEnd: boolean;
  toEnd(): void;
  /** Puts an element at a place in the window, a part of its height from the top, and stays with it. */
  reveal(element: HTMLElement, part: number): void;
  onScroll(): void;
  /** Asks for more at an end that the reader is near, also when they cannot scroll any further. */
  look(): void;
}

/** How much of the log lies below the window, in CSS pixels. */
function below(log: HTMLElement): number {
  return log.scrollHeight - log.scrollTop - log.clientHeight;
}

/** The first message that reaches below the top edge; children lie one below the other, so halving finds it. */
function firstVisible(log: HTMLElement): HTMLElement | null {
  const { children } = log;
  let low = 0;
  let high = children.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const child = children[middle] as HTMLElement;
    if (child.offsetTop + child.offsetHeight <= log.scrollTop) low = middle + 1;
    else high = middle;
  }
  // Lines between messages come and go with what is around them; only a message can be held on to.
  let element = children[low] ?? null;
  while (element !== null && !element.matches('article')) element = element.nextElementSibling;
  return element as HTMLElement | null;
}

export interface LogEnds {
  /** What is shown reaches the newest message. */
  readonly isEndShown: boolean;
  onNearStart(): void;
  onNearEnd(): void;
  onToEnd(): void;
}

/**
 * Scrolling of a log that grows at both ends: it stays at the end while its reader is there, and otherwise keeps the message
 * that is being read where it is, whatever is put before it or changes its height.
 */
export function useLogScroll(ends: LogEnds): LogScroll {
  const latest = useRef(ends);
  latest.current = ends;
  const log = useRef<HTMLDivElement>(null);
  const sticks = useRef(true);
  const anchor = useRef<Anchor | null>(null);
  const [isAtEnd, setAtEnd] = useState(true);

  const note = useCallback(() => {
    const element = log.current;
    if (element === null) return;
    sticks.current = latest.current.isEndShown && below(element) < BOTTOM_SLACK;
    setAtEnd(sticks.current);
    const first = firstVisible(element);
    anchor.current = first === null ? null : { element: first, offsetTop: first.offsetTop };
  }, []);

  const settle = useCallback(() => {
    const element = log.current;
    if (element === null) return;
    if (sticks.current) element.scrollTop = element.scrollHeight;
    else if (anchor.current?.element.isConnected === true) {
      // Moves by as much as the anchor moved, from wherever the reader is by now: a scroll event may still be on its way.
      const { element: kept, offsetTop } = anchor.current;
      anchor.current = { element: kept, offsetTop: kept.offsetTop };
      if (kept.offsetTop !== offsetTop) element.scrollTop += kept.offsetTop - offsetTop;
    }
  }, []);

  const look = useCallback(() => {
    const element = log.current;
    if (element === null) return;
    if (element.scrollTop < AHEAD) latest.current.onNearStart();
    else if (!latest.current.isEndShown && below(element) < AHEAD) latest.current.onNearEnd();
  }, []);

  useLayoutEffect(settle);
  useEffect(() => {
    const element = log.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(settle);
    observer.observe(element);
    return () => observer.disconnect();
  }, [settle]);

  return {
    log,
    isAtEnd,
    toEnd: () => {
      sticks.current = true;
      setAtEnd(true);
      latest.current.onToEnd();
      settle();
    },
    reveal: (target, part) => {
      const element = log.current;
      if (element === null) return;
      sticks.current = false;
      element.scrollTop = target.offsetTop - element.clientHeight * part;
      note();
    },
    onScroll: () => {
      note();
      look();
    },
    look,
  };
}
