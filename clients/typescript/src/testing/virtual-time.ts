/** Turns of the microtask queue after which everything that was due to run has run. */
const TURNS = 24;

/** Time that stands still until somebody moves it. */
export class VirtualTime {
  /** Milliseconds. */
  now = 1_000_000;
  private readonly timers = new Map<number, { readonly at: number; readonly run: () => void }>();
  private lastTimer = 0;

  setTimer(run: () => void, delayMs: number): number {
    this.lastTimer += 1;
    this.timers.set(this.lastTimer, { at: this.now + delayMs, run });
    return this.lastTimer;
  }

  clearTimer(timer: unknown): void {
    this.timers.delete(timer as number);
  }

  /** When the next timer is due, or null. */
  get nextAt(): number | null {
    let next: number | null = null;
    for (const { at } of this.timers.values()) next = next === null ? at : Math.min(next, at);
    return next;
  }

  /** Lets promises and gathered writes run. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn += 1) await Promise.resolve();
  }

  /** Moves time on, running every timer at its own moment. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    await this.settle();
    for (;;) {
      let due: [number, { readonly at: number; readonly run: () => void }] | null = null;
      for (const entry of this.timers) {
        if (entry[1].at <= end && (due === null || entry[1].at < due[1].at)) due = entry;
      }
      if (due === null) break;
      this.timers.delete(due[0]);
      this.now = Math.max(this.now, due[1].at);
      due[1].run();
      await this.settle();
    }
    this.now = end;
    await this.settle();
  }
}
