import type { Conversation, Message } from './types.ts';

/** The conversations one takes part in, by id. */
export type Inbox = ReadonlyMap<string, Conversation>;

/** When something last happened in a conversation, in milliseconds since 1970. */
export function activityTime(conversation: Conversation): number {
  return conversation.last?.time ?? conversation.created;
}

/** Newest activity first; ties broken by id so that the order never flickers. */
export function sorted(inbox: Inbox): Conversation[] {
  return [...inbox.values()].sort((a, b) => activityTime(b) - activityTime(a) || (a.id < b.id ? 1 : -1));
}

export function put(inbox: Inbox, conversation: Conversation): Inbox {
  const next = new Map(inbox);
  // A list entry may be shorter than a full answer; what it leaves out is kept.
  next.set(conversation.id, { ...inbox.get(conversation.id), ...conversation });
  return next;
}

export function remove(inbox: Inbox, id: string): Inbox {
  if (!inbox.has(id)) return inbox;
  const next = new Map(inbox);
  next.delete(id);
  return next;
}

export function patch(inbox: Inbox, id: string, change: Partial<Conversation>): Inbox {
  const known = inbox.get(id);
  return known === undefined ? inbox : put(inbox, { ...known, ...change });
}

/** Takes a newer last message; an older one, which may arrive late by another way, changes nothing. */
export function withLast(inbox: Inbox, id: string, last: Message | undefined, unread: number | undefined): Inbox {
  const known = inbox.get(id);
  if (known === undefined) return inbox;
  const isNewer = last !== undefined && last.offset >= (known.last?.offset ?? 0);
  return put(inbox, {
    ...known,
    ...(isNewer ? { last, offset: Math.max(known.offset, last.offset) } : {}),
    ...(unread === undefined ? {} : { unread }),
  });
}

export function unreadTotal(inbox: Inbox): number {
  let total = 0;
  for (const { unread } of inbox.values()) total += unread;
  return total;
}
