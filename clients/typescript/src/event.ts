import { CONVERSATION_EVENTS, INBOX_EVENTS } from './protocol/codes.ts';
import type { ClientInfo, ConversationEvent, ConversationId, InboxEvent, Publication, UserId } from './protocol/types.ts';
import type { ConnectionState, Position, Reason } from './state.ts';

/** What happened on one channel. Later versions may have more: let `switch` have a default. */
export type ChannelEvent =
  /**
   * The channel is being listened to, for the first time or again; what was missed follows as events. `wasRecovering &&
   * !recovered` means that some of it is lost: load the state again (`messages`, `list`).
   */
  | { readonly type: 'subscribed'; readonly channel: string; readonly wasRecovering: boolean; readonly recovered: boolean; readonly position: Position; readonly byServer: boolean }
  /** The channel is no longer listened to: an unsubscribe code (2000 and above) or the error code of a refused subscribe. */
  | { readonly type: 'unsubscribed'; readonly channel: string; readonly reason: Reason; readonly willRetry: boolean }
  /** An event of a conversation. `offset` is its row; ephemeral events (typing) have none. */
  | { readonly type: 'conversation'; readonly channel: string; readonly conversation: ConversationId; readonly offset: number | null; readonly event: ConversationEvent }
  /** An event of the user's own inbox. */
  | { readonly type: 'inbox'; readonly channel: string; readonly user: UserId; readonly offset: number | null; readonly event: InboxEvent }
  /** A publication in a free topic. */
  | { readonly type: 'publication'; readonly channel: string; readonly offset: number | null; readonly data: unknown; readonly info: ClientInfo | null }
  /** An event of a kind that this version does not know. */
  | { readonly type: 'unknown'; readonly channel: string; readonly offset: number | null; readonly data: unknown }
  /** Somebody subscribed to a channel that tells. */
  | { readonly type: 'joined'; readonly channel: string; readonly info: ClientInfo }
  /** Somebody left a channel that tells. */
  | { readonly type: 'left'; readonly channel: string; readonly info: ClientInfo }
  /** Publications of a channel that cannot be asked for again are missing: load its state again. (Other channels heal by themselves.) */
  | { readonly type: 'gap'; readonly channel: string; readonly after: number; readonly before: number };

/** What happened to a client. */
export type ClientEvent =
  | ChannelEvent
  /** The connection changed. */
  | { readonly type: 'state'; readonly state: ConnectionState }
  /** The server sent this connection a message of its own. */
  | { readonly type: 'message'; readonly data: unknown };

const CONVERSATION = 'conversation:';
const USER = 'user:';

/** The channel of a conversation. */
export function conversationChannel(conversation: ConversationId): string {
  return CONVERSATION + conversation;
}

/** The conversation of a channel, if it is one's. */
export function conversationOf(channel: string): ConversationId | null {
  return channel.startsWith(CONVERSATION) ? channel.slice(CONVERSATION.length) : null;
}

/** The typed event of a publication. */
export function eventOf(channel: string, { data, info, offset: number = 0 }: Publication): ChannelEvent {
  const offset = number === 0 ? null : number;
  const kind = (data as { type?: unknown } | null)?.type;
  const isKnown = (words: readonly string[]): boolean => typeof kind === 'string' && words.includes(kind);
  if (channel.startsWith(CONVERSATION)) {
    if (!isKnown(CONVERSATION_EVENTS)) return { type: 'unknown', channel, offset, data };
    return { type: 'conversation', channel, conversation: channel.slice(CONVERSATION.length), offset, event: data as ConversationEvent };
  }
  if (channel.startsWith(USER)) {
    if (!isKnown(INBOX_EVENTS)) return { type: 'unknown', channel, offset, data };
    return { type: 'inbox', channel, user: channel.slice(USER.length), offset, event: data as InboxEvent };
  }
  return { type: 'publication', channel, offset, data, info: info ?? null };
}
