/** Bounds of how long one announcement of typing is shown, in milliseconds. */
const SHOWN_MS_MIN = 1_000;
const SHOWN_MS_MAX = 10_000;

/** Who is typing; each name disappears by itself. */
export class TypingBoard {
  private readonly timers = new Map<string, number>();

  constructor(private readonly show: (users: readonly string[]) => void) {}

  add(user: string, forMs: number): void {
    window.clearTimeout(this.timers.get(user));
    const shownMs = Math.min(SHOWN_MS_MAX, Math.max(SHOWN_MS_MIN, forMs));
    this.timers.set(user, window.setTimeout(() => this.remove(user), shownMs));
    this.show([...this.timers.keys()]);
  }

  remove(user: string): void {
    if (!this.timers.has(user)) return;
    window.clearTimeout(this.timers.get(user));
    this.timers.delete(user);
    this.show([...this.timers.keys()]);
  }

  clear(): void {
    if (this.timers.size === 0) return;
    for (const timer of this.timers.values()) window.clearTimeout(timer);
    this.timers.clear();
    this.show([]);
  }
}
