import type { PendingMessage } from '../model/timeline.ts';

/**
 * What was written but not yet acknowledged, kept for this tab over a reload. Each message keeps its `client_id`, so one
 * that had arrived after all is answered with its place and never stands twice.
 */
export interface Unsent {
  readonly conversation: string;
  readonly message: PendingMessage;
}

const KEY = 'rialto.unsent';
/** Unsent messages kept over a reload. */
const UNSENT_MAX = 200;

export function keepUnsent(user: string, unsent: readonly Unsent[]): void {
  try {
    if (unsent.length === 0) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, JSON.stringify({ user, unsent: unsent.slice(0, UNSENT_MAX) }));
  } catch {
    // No room or no permission: then they last as long as the page does.
  }
}

/** What this tab had not sent as this person; what somebody else left behind is forgotten. */
export function takeUnsent(user: string): readonly Unsent[] {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as { user: string; unsent: readonly Unsent[] } | null;
    if (kept?.user === user && Array.isArray(kept.unsent)) return kept.unsent;
    sessionStorage.removeItem(KEY);
  } catch {
    // As above.
  }
  return [];
}
