// Made from the protocol crate's schemas by its test `typescript`; do not edit.

/** One page of a list. */
export interface Page<T> {
  /** The items. */
  readonly items: readonly T[];
  /** Cursor of the page after this one; null at the end. */
  readonly next: string | null;
}

/** Answer to everything that appends. */
export interface Appended {
  /** True when an earlier request with the same `client_id` made this row. */
  readonly duplicate: boolean;
  /** The channel's epoch. */
  readonly epoch: string;
  /** The row's offset: of the last one where a request makes several. */
  readonly offset: number;
  /** Row time, milliseconds since 1970. */
  readonly time: number;
}

/** One command of a bot. */
export interface BotCommand {
  /** For people, at most 200 bytes. */
  readonly description?: string | undefined;
  /** What is written behind the `/`, unique in its bot: 1 to 32 lower-case letters, digits, `_`, `-`. */
  readonly name: string;
  /** Its options, at most 16. */
  readonly options?: readonly CommandOption[] | undefined;
}

/** `conversation.browse`: public conversations, most recently active first. */
export interface BrowseConversations {
  /** `next` of the page before. */
  readonly cursor?: string | undefined;
  /** Items wanted. */
  readonly limit?: number | undefined;
  /** Only those whose title has this in it, in any case. */
  readonly title?: string | undefined;
}

export type ClientId = string;

/** Who published, joined or is present. */
export interface ClientInfo {
  /** `info` of the subscription's token, raw JSON. */
  readonly chan_info?: unknown;
  /** Connection id. */
  readonly client: string;
  /** `info` of the connection's token, raw JSON. */
  readonly conn_info?: unknown;
  /** User id; empty for an anonymous connection. */
  readonly user: string;
}

/** A command that works in a conversation. */
export interface Command {
  /** Whose it is. */
  readonly bot: UserId;
  /** For people. */
  readonly description: string;
  /** What is written behind the `/`. */
  readonly name: string;
  /** Its options. */
  readonly options: readonly CommandOption[];
}

/** One option of a command, in the order in which it is written. */
export interface CommandOption {
  /** The words of a choice, at most 25. */
  readonly choices?: readonly string[] | undefined;
  /** For people, at most 200 bytes. */
  readonly description?: string | undefined;
  /** How it is written. */
  readonly kind: OptionKind;
  /** Unique in its command: 1 to 32 letters, digits, `_`, `-`. */
  readonly name: string;
  /** Whether it must be given. */
  readonly required?: boolean | undefined;
}

/** Body of a `connect` reply. */
export interface ConnectResult {
  /** The connection's id. */
  readonly client: string;
  /** Whether the connection ends unless refreshed. */
  readonly expires?: boolean | undefined;
  /** The node. */
  readonly node?: string | undefined;
  /** Seconds between pings. */
  readonly ping?: number | undefined;
  /** Whether pings want pongs. */
  readonly pong?: boolean | undefined;
  /** The session, for emulated transports. */
  readonly session?: string | undefined;
  /** Server-side subscriptions. */
  readonly subs?: Readonly<Record<string, SubscribeResult>> | undefined;
  /** The server's clock, milliseconds since 1970: SDKs date their ids by it. */
  readonly time?: number | undefined;
  /** Seconds until it does. */
  readonly ttl?: number | undefined;
  /** Our version. Not read by clients. */
  readonly version: string;
}

/** One conversation as its caller sees it. */
export interface Conversation {
  /** When it was created, milliseconds since 1970. */
  readonly created: number;
  /** The channel's epoch. */
  readonly epoch: string;
  /** Its id. */
  readonly id: ConversationId;
  /** Direct, group or public. */
  readonly kind: ConversationKind;
  /** The newest message. */
  readonly last?: Message | undefined;
  /** How many members there are. */
  readonly member_count: number;
  /** Members, at most the first 100; `conversation.members` pages all. */
  readonly members: readonly UserId[];
  /** The newest row's offset. */
  readonly offset: number;
  /** The caller's read marker: the last offset read, 0 at first. */
  readonly read: number;
  /** The caller's role; absent for a public conversation that the caller has not joined. */
  readonly role?: Role | undefined;
  /** The title, if any. */
  readonly title?: string | undefined;
  /** Messages of others behind the caller's read marker. */
  readonly unread: number;
}

/** Body of `conversation_changed`. */
export interface ConversationChanged {
  /** Which one. */
  readonly conversation: ConversationId;
  /** Its last message. */
  readonly last?: Message | undefined;
  /** Messages of others that I have not read. */
  readonly unread: number;
}

/** Body of `conversation_created`. */
export interface ConversationCreated {
  /** The creator, who owns a group or public conversation. */
  readonly by: UserId;
  /** Direct, group or public. */
  readonly kind: ConversationKind;
  /** All first members, the creator included and first. */
  readonly members: readonly UserId[];
  /** The title, if any. */
  readonly title?: string | undefined;
}

/** An event of `conversation:<id>`. Each but `Typing` is a row of the log; its `offset` is the row's number. */
export type ConversationEvent =
  | ({ readonly type: 'conversation_created' } & ConversationCreated)
  | ({ readonly type: 'message' } & MessageSent)
  | ({ readonly type: 'message_edited' } & MessageEdited)
  | ({ readonly type: 'message_deleted' } & MessageDeleted)
  | ({ readonly type: 'reaction_added' } & Reaction)
  | ({ readonly type: 'reaction_removed' } & Reaction)
  | ({ readonly type: 'member_joined' } & Membership)
  | ({ readonly type: 'member_left' } & Membership)
  | ({ readonly type: 'member_removed' } & Membership)
  | ({ readonly type: 'role_changed' } & Membership)
  | ({ readonly type: 'settings_changed' } & SettingsChanged)
  | ({ readonly type: 'typing' } & Typing);

/** A conversation: UUIDv7, or UUIDv5 where it is derived (a direct pair; a creation with a `client_id`), so that creating twice meets the same entity. */
export type ConversationId = string;

/** What a conversation is for. */
export type ConversationKind = 'direct' | 'group' | 'public';

/** Body of `conversation_added` and `conversation_removed`. */
export interface ConversationNamed {
  /** Which one. */
  readonly conversation: ConversationId;
}

/** `conversation.create`, `POST /v1/conversations`. */
export interface CreateConversation {
  /** Makes a repeat of this creation return the first one's conversation. */
  readonly client_id?: ClientId | undefined;
  /** Direct, group or public. */
  readonly kind: ConversationKind;
  /** First members besides the creator; exactly one for a direct conversation. */
  readonly members?: readonly UserId[] | undefined;
  /** For a group or public conversation. */
  readonly title?: string | undefined;
}

/** `conversation.delete`: one's own message, or anyone's for an admin. */
export interface DeleteMessage {
  /** The sender's id of this deletion. */
  readonly client_id: ClientId;
  /** Which one. */
  readonly conversation: ConversationId;
  /** Offset of the message. */
  readonly target: number;
}

/** `conversation.edit`: one's own message. */
export interface EditMessage {
  /** The sender's id of this edit. */
  readonly client_id: ClientId;
  /** Which one. */
  readonly conversation: ConversationId;
  /** Offset of the message. */
  readonly target: number;
  /** The new text. */
  readonly text: string;
}

/** `user.find`. */
export interface FindUser {
  /** The exact user name, in any case. */
  readonly username: string;
}

/** `user.get`. */
export interface GetUser {
  /** Whom. */
  readonly user: UserId;
}

/** Body of a `history` reply. */
export interface HistoryResult {
  /** The stream's epoch. */
  readonly epoch?: string | undefined;
  /** The stream's top. */
  readonly offset?: number | undefined;
  /** The publications asked for. */
  readonly publications?: readonly Publication[] | undefined;
}

/** An event of the inbox `user:<id>`. Its stream lives in memory: `recovered: false` means load the list again. */
export type InboxEvent =
  | ({ readonly type: 'conversation_changed' } & ConversationChanged)
  | ({ readonly type: 'conversation_added' } & ConversationNamed)
  | ({ readonly type: 'conversation_removed' } & ConversationNamed)
  | ({ readonly type: 'read' } & ReadUpTo);

/** `conversation.invite`: adds members to a group or public conversation. */
export interface Invite {
  /** The sender's id of this change. */
  readonly client_id: ClientId;
  /** Which one. */
  readonly conversation: ConversationId;
  /** Whom. */
  readonly users: readonly UserId[];
}

/** `conversation.join`, `conversation.leave`. */
export interface JoinOrLeave {
  /** The sender's id of this change. */
  readonly client_id: ClientId;
  /** Which one. */
  readonly conversation: ConversationId;
}

/** `conversation.list`, `GET /v1/conversations`: most recently active first. */
export interface ListConversations {
  /** `next` of the page before. */
  readonly cursor?: string | undefined;
  /** Items wanted. */
  readonly limit?: number | undefined;
}

/** `conversation.members`. */
export interface ListMembers {
  /** Which one. */
  readonly conversation: ConversationId;
  /** `next` of the page before. */
  readonly cursor?: string | undefined;
  /** Items wanted. */
  readonly limit?: number | undefined;
}

/** `conversation.messages`: ascending; without `before` and `after` the newest page. */
export interface ListMessages {
  /** Only offsets above. */
  readonly after?: number | undefined;
  /** Only offsets below. */
  readonly before?: number | undefined;
  /** Which one. */
  readonly conversation: ConversationId;
  /** Items wanted. */
  readonly limit?: number | undefined;
}

/** `conversation.mark_read`: everything up to `offset`; never moves back. */
export interface MarkRead {
  /** Which one. */
  readonly conversation: ConversationId;
  /** The last offset read. */
  readonly offset: number;
}

/** Answer of `conversation.mark_read`. */
export interface Marked {
  /** The marker now; a later one than asked for when another device was ahead. */
  readonly offset: number;
  /** Messages of others behind it. */
  readonly unread: number;
}

/** One member. */
export interface Member {
  /** As what. */
  readonly role: Role;
  /** Who. */
  readonly user: UserId;
}

/** Body of `member_joined`, `member_left`, `member_removed` and `role_changed`. */
export interface Membership {
  /** Who did it. */
  readonly by: UserId;
  /** The role from now on, for a join or a change. */
  readonly role?: Role | undefined;
  /** Whose membership changed. */
  readonly user: UserId;
}

/** A message with its edits and reactions folded in. */
export interface Message {
  /** The sender's id of it: lets an SDK match its own optimistic copy. */
  readonly client_id: ClientId;
  /** True when it was taken back. */
  readonly deleted?: boolean | undefined;
  /** True when the text was replaced. */
  readonly edited?: boolean | undefined;
  /** Its row. */
  readonly offset: number;
  /** Who reacted with what. */
  readonly reactions: Readonly<Record<string, readonly UserId[]>>;
  /** Offset of the message that it answers. */
  readonly reply_to?: number | undefined;
  /** Who sent it. */
  readonly sender: UserId;
  /** The current text; empty when deleted. */
  readonly text: string;
  /** When it was sent, milliseconds since 1970. */
  readonly time: number;
}

/** Body of `message_deleted`. */
export interface MessageDeleted {
  /** Who deleted it. */
  readonly by: UserId;
  /** The offset of the message. */
  readonly target: number;
}

/** Body of `message_edited`. */
export interface MessageEdited {
  /** Who edited it. */
  readonly by: UserId;
  /** The offset of the message. */
  readonly target: number;
  /** The new text. */
  readonly text: string;
}

/** Body of `message`. */
export interface MessageSent {
  /** The sender's id of it. */
  readonly client_id: ClientId;
  /** The offset of the message that it answers. */
  readonly reply_to?: number | undefined;
  /** Who sent it. */
  readonly sender: UserId;
  /** The text. */
  readonly text: string;
  /** When the server took it, milliseconds since 1970. */
  readonly time: number;
}

/** A request that names only the conversation: `conversation.get`, `conversation.typing`, `conversation.commands`. */
export interface OneConversation {
  /** Which one. */
  readonly conversation: ConversationId;
}

/** How an option is written. */
export type OptionKind = 'integer' | 'number' | 'text' | 'rest' | 'list' | 'flag' | 'choice' | 'user';

/** A user as others see one. */
export interface Profile {
  /** What people read. */
  readonly display_name: string;
  /** The id. */
  readonly id: UserId;
  /** The unique name; guests and users of other issuers have a made one. */
  readonly username: string;
}

/** What anybody may know of a public conversation. */
export interface PublicConversation {
  /** When something was last said, milliseconds since 1970. */
  readonly active: number;
  /** Its id: `conversation.join` takes it. */
  readonly id: ConversationId;
  /** How many members there are. */
  readonly member_count: number;
  /** The title, if any. */
  readonly title?: string | undefined;
}

/** One publication: of a push, a history answer or a recovery. */
export interface Publication {
  /** The payload, raw JSON. */
  readonly data: unknown;
  /** The publisher, if it was a client of a topic. */
  readonly info?: ClientInfo | undefined;
  /** Position in the stream; 0 = none. */
  readonly offset?: number | undefined;
}

/** `conversation.react`, `conversation.unreact`. */
export interface React {
  /** The sender's id of this reaction. */
  readonly client_id: ClientId;
  /** Which one. */
  readonly conversation: ConversationId;
  /** The emoji: 1 to 64 bytes, no control characters or spaces. */
  readonly emoji: string;
  /** Offset of the message. */
  readonly target: number;
}

/** Body of `reaction_added` and `reaction_removed`. */
export interface Reaction {
  /** The emoji. */
  readonly emoji: string;
  /** The offset of the message. */
  readonly target: number;
  /** Whose reaction it is. */
  readonly user: UserId;
}

/** Body of `read`. */
export interface ReadUpTo {
  /** Which one. */
  readonly conversation: ConversationId;
  /** The last offset read. */
  readonly offset: number;
}

/** Body of a `refresh` or `sub_refresh` reply. */
export interface RefreshResult {
  /** The connection's id (`refresh` only). */
  readonly client?: string | undefined;
  /** Whether it ends unless refreshed again. */
  readonly expires?: boolean | undefined;
  /** Seconds until it does. */
  readonly ttl?: number | undefined;
}

/** `conversation.remove`. */
export interface RemoveMember {
  /** The sender's id of this change. */
  readonly client_id: ClientId;
  /** Which one. */
  readonly conversation: ConversationId;
  /** Whom. */
  readonly user: UserId;
}

/** What a member may do. The numbers are stored: never reuse one. */
export type Role = 'member' | 'admin' | 'owner';

/** `conversation.send`, `publish` on `conversation:<id>`. */
export interface SendMessage {
  /** The sender's id of this message. */
  readonly client_id: ClientId;
  /** Which one. */
  readonly conversation: ConversationId;
  /** Offset of the message that this answers. */
  readonly reply_to?: number | undefined;
  /** The text: 1 byte to 32 KiB. */
  readonly text: string;
}

/** `bot.set_commands`, `PUT /v1/bots/{id}/commands`: replaces all of the bot's commands, at most 100. */
export interface SetCommands {
  /** All of them; none takes them away. */
  readonly commands: readonly BotCommand[];
}

/** `conversation.set_role`. */
export interface SetRole {
  /** The sender's id of this change. */
  readonly client_id: ClientId;
  /** Which one. */
  readonly conversation: ConversationId;
  /** The role from now on. */
  readonly role: Role;
  /** Whose role. */
  readonly user: UserId;
}

/** `conversation.set`: settings; only what is present changes. */
export interface SetSettings {
  /** The sender's id of this change. */
  readonly client_id: ClientId;
  /** Which one. */
  readonly conversation: ConversationId;
  /** The new title. */
  readonly title?: string | undefined;
}

/** `user.set`: what people read of oneself. */
export interface SetUser {
  /** 1 to 64 characters. */
  readonly display_name: string;
}

/** Body of `settings_changed`: only what changed is present. */
export interface SettingsChanged {
  /** Who did it. */
  readonly by: UserId;
  /** The new title. */
  readonly title?: string | undefined;
}

/** Body of a `subscribe` reply, of a server-side subscription, and of a subscribe push. */
export interface SubscribeResult {
  /** The stream's epoch. */
  readonly epoch?: string | undefined;
  /** Whether the subscription ends unless refreshed. */
  readonly expires?: boolean | undefined;
  /** On recovery the request's offset, else the stream's top. */
  readonly offset?: number | undefined;
  /** Whether the server checks positions. */
  readonly positioned?: boolean | undefined;
  /** What was missed. */
  readonly publications?: readonly Publication[] | undefined;
  /** Whether a later subscribe may recover. */
  readonly recoverable?: boolean | undefined;
  /** Whether nothing is missing. */
  readonly recovered?: boolean | undefined;
  /** Seconds until it does. */
  readonly ttl?: number | undefined;
  /** Whether recovery was tried. */
  readonly was_recovering?: boolean | undefined;
}

/** Body of `typing`. */
export interface Typing {
  /** Until when this holds unless renewed, milliseconds since 1970. */
  readonly until: number;
  /** Who is typing. */
  readonly user: UserId;
}

/** A person or a bot: UUIDv7 for our own accounts, UUIDv5 of issuer and subject for those of other issuers. */
export type UserId = string;

/** Every rpc method with its body and its answer. */
export interface Methods {
  readonly 'conversation.create': { readonly body: CreateConversation; readonly answer: Conversation };
  readonly 'conversation.list': { readonly body: ListConversations; readonly answer: Page<Conversation> };
  readonly 'conversation.browse': { readonly body: BrowseConversations; readonly answer: Page<PublicConversation> };
  readonly 'conversation.get': { readonly body: OneConversation; readonly answer: Conversation };
  readonly 'conversation.members': { readonly body: ListMembers; readonly answer: Page<Member> };
  readonly 'conversation.messages': { readonly body: ListMessages; readonly answer: Page<Message> };
  readonly 'conversation.join': { readonly body: JoinOrLeave; readonly answer: Appended };
  readonly 'conversation.leave': { readonly body: JoinOrLeave; readonly answer: Appended };
  readonly 'conversation.invite': { readonly body: Invite; readonly answer: Appended };
  readonly 'conversation.remove': { readonly body: RemoveMember; readonly answer: Appended };
  readonly 'conversation.set_role': { readonly body: SetRole; readonly answer: Appended };
  readonly 'conversation.set': { readonly body: SetSettings; readonly answer: Appended };
  readonly 'conversation.send': { readonly body: SendMessage; readonly answer: Appended };
  readonly 'conversation.edit': { readonly body: EditMessage; readonly answer: Appended };
  readonly 'conversation.delete': { readonly body: DeleteMessage; readonly answer: Appended };
  readonly 'conversation.react': { readonly body: React; readonly answer: Appended };
  readonly 'conversation.unreact': { readonly body: React; readonly answer: Appended };
  readonly 'conversation.mark_read': { readonly body: MarkRead; readonly answer: Marked };
  readonly 'conversation.typing': { readonly body: OneConversation; readonly answer: Record<string, never> };
  readonly 'conversation.commands': { readonly body: OneConversation; readonly answer: Page<Command> };
  readonly 'bot.set_commands': { readonly body: SetCommands; readonly answer: Record<string, never> };
  readonly 'user.me': { readonly body: Record<string, never>; readonly answer: Profile };
  readonly 'user.get': { readonly body: GetUser; readonly answer: Profile };
  readonly 'user.find': { readonly body: FindUser; readonly answer: Profile };
  readonly 'user.set': { readonly body: SetUser; readonly answer: Profile };
}
