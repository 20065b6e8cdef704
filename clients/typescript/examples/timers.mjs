// Timers that outlive the program. Each is kept under an id that is made of the message that asked for it, is handled when its time has come by the
// server's clock, and is forgotten once it is handled. Killed between the two it is handled again: say things under ids that are made of the timer's.

/** Longest sleep before the server's clock is looked at again; setTimeout takes no more than 31 bits of milliseconds either. */
const LOOK_MS = 60_000;
/** Pause before a timer that failed is handled again. */
const AGAIN_MS = 5_000;
const PREFIX = 'timer ';

/** @typedef {{ readonly id: string, readonly kind: string, readonly at: number, readonly data: any }} Timer */

export class Timers {
  #client;
  #kept;
  #handlers;
  /** @type {Set<string>} */
  #running = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #alarm;
  #isStopped = true;

  /**
   * @param {import('@rialto/client').Client} client
   * @param {import('./kept.mjs').Kept} kept
   * @param {Record<string, (timer: Timer) => Promise<void>>} handlers by kind
   */
  constructor(client, kept, handlers) {
    this.#client = client;
    this.#kept = kept;
    this.#handlers = handlers;
    // The server's clock is known from the first connection on.
    client.on('state', ({ state }) => {
      this.#isStopped = state.name === 'closed' || state.name === 'suspended';
      if (this.#isStopped) clearTimeout(this.#alarm);
      else if (state.name === 'connected') this.#look();
    });
  }

  /** Those of a kind that wait, the next one first. @param {string} kind @returns {Timer[]} */
  waiting(kind) {
    return this.#all().filter((timer) => timer.kind === kind).sort((one, other) => one.at - other.at);
  }

  /** Kept when the promise resolves, all of them and everything else that was set before, or nothing; the same id again is the same timer. @param {Timer[]} timers */
  async set(...timers) {
    for (const { id, ...timer } of timers) this.#kept.set(PREFIX + id, timer);
    await this.#kept.saved();
    this.#look();
  }

  /** Forgets a timer, if there is one. @param {string | undefined} id */
  async cancel(id) {
    if (id === undefined) return;
    this.#kept.set(PREFIX + id, undefined);
    await this.#kept.saved();
  }

  /** @returns {Timer[]} */
  #all() {
    return this.#kept.all(PREFIX).map(([name, timer]) => ({ id: name.slice(PREFIX.length), ...timer }));
  }

  #look() {
    clearTimeout(this.#alarm);
    if (this.#isStopped || !this.#client.isConnected) return;
    const now = this.#client.serverNow();
    let waitMs = LOOK_MS;
    for (const timer of this.#all()) {
      if (timer.at > now) waitMs = Math.min(waitMs, timer.at - now);
      else if (!this.#running.has(timer.id)) void this.#handle(timer);
    }
    this.#alarm = setTimeout(() => this.#look(), waitMs);
  }

  /** @param {Timer} timer */
  async #handle(timer) {
    this.#running.add(timer.id);
    try {
      await this.#handlers[timer.kind]?.(timer);
      await this.cancel(timer.id);
      this.#running.delete(timer.id);
    } catch (error) {
      if (this.#isStopped) return;
      console.error(error);
      setTimeout(() => {
        this.#running.delete(timer.id);
        this.#look();
      }, AGAIN_MS).unref();
    }
  }
}
