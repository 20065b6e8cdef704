import { useLayoutEffect, useRef, useState } from 'preact/hooks';

/** A value that can be watched. All shared state of the app is held in a few of these. */
export class Store<T> {
  private readonly watchers = new Set<() => void>();

  constructor(private current: T) {}

  get value(): T {
    return this.current;
  }

  set(next: T): void {
    if (Object.is(next, this.current)) return;
    this.current = next;
    for (const watcher of [...this.watchers]) watcher();
  }

  update(change: (value: T) => T): void {
    this.set(change(this.current));
  }

  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }
}

/** Renders with (a part of) a store's value and again whenever that part changes. */
export function useStore<T>(store: Store<T>): T;
export function useStore<T, U>(store: Store<T>, select: (value: T) => U): U;
export function useStore<T, U>(store: Store<T>, select?: (value: T) => U): T | U {
  const read = (): T | U => (select === undefined ? store.value : select(store.value));
  const value = read();
  const [, render] = useState(0);
  const latest = useRef({ value, read });
  latest.current = { value, read };
  useLayoutEffect(() => {
    const check = (): void => {
      if (!Object.is(latest.current.read(), latest.current.value)) render((count) => count + 1);
    };
    check();
    return store.watch(check);
  }, [store]);
  return value;
}
