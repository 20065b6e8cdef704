import { Store } from '../lib/store.ts';

/** How long a short message stays, in milliseconds. */
const TOAST_MS = 6_000;
const TOASTS_MAX = 3;

export interface Toast {
  readonly id: number;
  readonly text: string;
}

/** Short messages about what just happened. */
export class Toasts {
  readonly list = new Store<readonly Toast[]>([]);
  private lastId = 0;

  show(text: string): void {
    const id = ++this.lastId;
    this.list.update((list) => [...list.filter((toast) => toast.text !== text), { id, text }].slice(-TOASTS_MAX));
    window.setTimeout(() => this.dismiss(id), TOAST_MS);
  }

  dismiss(id: number): void {
    this.list.update((list) => list.filter((toast) => toast.id !== id));
  }
}
