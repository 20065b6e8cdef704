/** What the server says, as far as this app reads it. Unknown fields are ignored, unknown enum values kept as text. */

export interface Profile {
  readonly id: string;
  readonly username: string;
  readonly display_name: string;
}

export interface Message {
  readonly offset: number;
  readonly sender: string;
  readonly text: string;
  readonly time: number;
  readonly edited?: boolean | number;
  readonly deleted?: boolean;
  readonly reply_to?: number;
  readonly reactions?: Readonly<Record<string, readonly string[]>>;
}

export interface LastMessage {
  readonly offset: number;
  readonly sender: string;
  readonly text: string;
  readonly time: number;
  readonly deleted?: boolean;
}

export interface Conversation {
  readonly id: string;
  readonly kind: string;
  readonly title?: string | null;
  readonly role?: string | null;
  readonly members: readonly string[];
  readonly member_count?: number;
  readonly epoch: string;
  readonly offset: number;
  readonly unread: number;
  readonly last?: LastMessage | null;
}

export interface Member {
  readonly user: string;
  readonly role: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string | null;
}

export interface Appended {
  readonly offset: number;
  readonly epoch: string;
  readonly time: number;
  readonly duplicate: boolean;
}

/** One event of a conversation's channel. */
export interface ConversationEvent {
  readonly type: string;
  readonly sender?: string;
  readonly client_id?: string;
  readonly text?: string;
  readonly time?: number;
  readonly reply_to?: number;
  readonly target?: number;
  readonly emoji?: string;
  readonly user?: string;
  readonly by?: string;
  readonly role?: string;
  readonly title?: string;
  readonly until?: number;
}

/** One event of one's own inbox channel. */
export interface InboxEvent {
  readonly type: string;
  readonly conversation?: string | { readonly id: string };
  readonly last?: LastMessage | null;
  readonly unread?: number;
  readonly offset?: number;
}
