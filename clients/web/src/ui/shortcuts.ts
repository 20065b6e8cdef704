import { useEffect, useRef } from 'preact/hooks';
import { sorted } from '../model/inbox.ts';
import type { Session } from '../state/session.ts';
import { openConversation } from '../state/route.ts';

/** What the sheet of shortcuts says, and the only place that says it. */
export const SHORTCUTS: readonly { readonly keys: readonly string[]; readonly does: string }[] = [
  { keys: ['Ctrl K'], does: 'Go to a conversation by name' },
  { keys: ['Alt ↑', 'Alt ↓'], does: 'Previous, next conversation' },
  { keys: ['Alt Shift ↑', 'Alt Shift ↓'], does: 'Previous, next unread conversation' },
  { keys: ['Enter'], does: 'Send' },
  { keys: ['Shift Enter'], does: 'New line' },
  { keys: ['↑'], does: 'Edit your last message, in an empty box' },
  { keys: ['Shift Tab', '↑', '↓'], does: 'Go to the messages, and from one to the next' },
  { keys: ['R', 'E', '+', 'Delete'], does: 'On a message: reply, edit, react, delete' },
  { keys: ['Esc'], does: 'Back to the box; cancel; close' },
  { keys: ['?'], does: 'This sheet, outside of a text box' },
];

interface Actions {
  readonly onSwitch: () => void;
  readonly onHelp: () => void;
}

/** Listens for the shortcuts that work everywhere on the page, while no window is open. */
export function useShortcuts(session: Session, current: string | null, actions: Actions): void {
  const latest = useRef({ current, actions });
  latest.current = { current, actions };
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.isComposing || document.querySelector('dialog[open]') !== null) return;
      if (act(event, session, latest.current.current, latest.current.actions)) event.preventDefault();
    };
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, [session]);
}

function act(event: KeyboardEvent, session: Session, current: string | null, { onSwitch, onHelp }: Actions): boolean {
  const isControl = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
  if (isControl && event.key.toLowerCase() === 'k') {
    onSwitch();
    return true;
  }
  if (event.altKey && !event.ctrlKey && !event.metaKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
    const next = neighbour(session, current, event.key === 'ArrowDown' ? 1 : -1, event.shiftKey);
    if (next !== undefined) openConversation(next);
    return true;
  }
  if (event.key === '?' && !isWriting(event.target)) {
    onHelp();
    return true;
  }
  if (event.key === 'Escape' && !isWriting(event.target)) {
    document.querySelector<HTMLTextAreaElement>('.composer textarea')?.focus();
    return true;
  }
  return false;
}

function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, textarea, select');
}

/** The conversation above or below in the list. */
function neighbour(session: Session, current: string | null, step: number, isUnread: boolean): string | undefined {
  const list = sorted(session.inbox.value);
  const at = list.findIndex(({ id }) => id === current);
  const start = at < 0 && step < 0 ? list.length : at;
  for (let index = start + step; index >= 0 && index < list.length; index += step) {
    const conversation = list[index];
    if (conversation !== undefined && (!isUnread || conversation.unread > 0)) return conversation.id;
  }
  return undefined;
}
