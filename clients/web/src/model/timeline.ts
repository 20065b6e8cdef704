import type { Appended, ConversationEvent, Message, OutboxEntry } from './types.ts';

/** Messages kept while one stays at the bottom of a busy conversation; older ones are fetched again when wanted. */
export const TIMELINE_KEPT_MAX = 600;
/** What is left after trimming, so that trimming is rare. */
const TIMELINE_KEPT_AFTER_TRIM = 300;

/** The loaded part of a conversation: a contiguous run of its messages that ends at the newest, then what is still on its way. */
export interface Timeline {
  readonly items: readonly Message[];
  readonly pending: readonly OutboxEntry[];
  /** Nothing older exists than the first item. */
  readonly reachedStart: boolean;
  readonly isLoaded: boolean;
  /** Highest offset of any row seen, messages or not. */
  readonly head: number;
}

export const EMPTY_TIMELINE: Timeline = { items: [], pending: [], reachedStart: false, isLoaded: false, head: 0 };

/** Index of the item with this offset, or the bitwise complement of where it belongs. */
export function indexOfOffset(items: readonly Message[], offset: number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((items[middle]?.offset ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return items[low]?.offset === offset ? low : ~low;
}

function change(items: readonly Message[], offset: number, edit: (message: Message) => Message): readonly Message[] {
  const index = indexOfOffset(items, offset);
  const message = items[index];
  if (message === undefined) return items;
  return items.with(index, edit(message));
}

/** Puts a message at its place; one that stands there already stays, because it may carry later edits. */
export function insert(items: readonly Message[], message: Message): readonly Message[] {
  const index = indexOfOffset(items, message.offset);
  return index >= 0 ? items : items.toSpliced(~index, 0, message);
}

function withReaction(message: Message, emoji: string, user: string, isAdded: boolean): Message {
  const users = message.reactions[emoji] ?? [];
  if (users.includes(user) === isAdded) return message;
  const reactions = { ...message.reactions };
  const next = isAdded ? [...users, user] : users.filter((other) => other !== user);
  if (next.length === 0) delete reactions[emoji];
  else reactions[emoji] = next;
  return { ...message, reactions };
}

/** Folds one event of the channel into the messages. Applying an event again changes nothing. */
export function foldEvent(items: readonly Message[], offset: number, event: ConversationEvent): readonly Message[] {
  switch (event.type) {
    case 'message': {
      const { type: _, ...message } = event;
      return insert(items, { offset, ...message, reactions: {} });
    }
    case 'message_edited':
      return change(items, event.target, (message) => ({ ...message, text: event.text, edited: true }));
    case 'message_deleted':
      return change(items, event.target, (message) => ({ ...message, text: '', deleted: true, reactions: {} }));
    case 'reaction_added':
    case 'reaction_removed':
      return change(items, event.target, (message) => withReaction(message, event.emoji, event.user, event.type === 'reaction_added'));
    default:
      return items;
  }
}

/** Applies a live or recovered event. */
export function applyEvent(timeline: Timeline, offset: number, event: ConversationEvent): Timeline {
  const items = timeline.isLoaded ? foldEvent(timeline.items, offset, event) : timeline.items;
  const arrived = event.type === 'message' ? timeline.pending.find(({ clientId }) => clientId === event.client_id) : undefined;
  const pending = arrived === undefined ? timeline.pending : withoutPending(timeline.pending, arrived.key);
  return { ...timeline, items, pending, head: Math.max(timeline.head, offset) };
}

/** Takes the newest page as the whole content; what is still on its way stays. */
export function resetTo(timeline: Timeline, page: readonly Message[], isStart: boolean): Timeline {
  const newest = page.at(-1)?.offset ?? 0;
  return { ...timeline, items: page, reachedStart: isStart, isLoaded: true, head: Math.max(timeline.head, newest) };
}

/** Puts an older page before what is there. */
export function prepend(timeline: Timeline, page: readonly Message[], isStart: boolean): Timeline {
  const first = timeline.items[0]?.offset ?? Number.POSITIVE_INFINITY;
  const older = page.filter((message) => message.offset < first);
  return { ...timeline, items: [...older, ...timeline.items], reachedStart: isStart };
}

/** Forgets the oldest messages of a long run. */
export function trim(timeline: Timeline): Timeline {
  if (timeline.items.length <= TIMELINE_KEPT_MAX) return timeline;
  return { ...timeline, items: timeline.items.slice(-TIMELINE_KEPT_AFTER_TRIM), reachedStart: false };
}

// ---- one's own messages on their way ----

function withoutPending(pending: readonly OutboxEntry[], key: string): readonly OutboxEntry[] {
  return pending.some((entry) => entry.key === key) ? pending.filter((entry) => entry.key !== key) : pending;
}

/** Shows a message on its way, in the order of writing, or what changed about it. */
export function putPending(timeline: Timeline, entry: OutboxEntry): Timeline {
  const pending = [...withoutPending(timeline.pending, entry.key), entry].sort((a, b) => (a.key < b.key ? -1 : 1));
  return { ...timeline, pending };
}

export function dropPending(timeline: Timeline, key: string): Timeline {
  return { ...timeline, pending: withoutPending(timeline.pending, key) };
}

/** The server has acknowledged a message: it takes its place, whether its own event arrived before or comes later. */
export function acknowledge(timeline: Timeline, entry: OutboxEntry, sender: string, appended: Appended): Timeline {
  const settled = dropPending(timeline, entry.key);
  if (!timeline.isLoaded) return settled;
  // A retry may be answered with a position above what is loaded only if it is new, below it only if it is old.
  const first = timeline.items[0]?.offset ?? 0;
  if (appended.offset < first && !timeline.reachedStart) return settled;
  return { ...settled, items: insert(settled.items, messageOf(entry, sender, appended)) };
}

/** What an acknowledged message looks like before its own event comes. */
export function messageOf({ clientId, text, replyTo }: OutboxEntry, sender: string, { offset, time }: Appended): Message {
  return { offset, sender, client_id: clientId ?? '', text, time, ...(replyTo === null ? {} : { reply_to: replyTo }), reactions: {} };
}

/** Offset of the first unread message, walking back over `unread` messages of others; 0 when nothing is unread. */
export function firstUnread(items: readonly Message[], unread: number, me: string): number {
  let left = unread;
  let found = 0;
  for (let index = items.length - 1; index >= 0 && left > 0; index -= 1) {
    const message = items[index];
    if (message === undefined || message.sender === me) continue;
    found = message.offset;
    left -= 1;
  }
  return found;
}
