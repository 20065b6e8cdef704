import type { CallOptions, Retry } from './requests.ts';
import type {
  Appended, BotCommand, ClientId, Command, Conversation, ConversationId, ConversationKind, Marked, Member, Message, Methods, Page, Profile, PublicConversation,
  Role, UserId,
} from './protocol/types.ts';

/** Calls that append take the id that makes a repeat harmless; one is made when none is given. */
export interface AppendOptions extends CallOptions {
  /** 1 to 64 visible ASCII characters, and the same for the same thing said: give one that outlives the program to be safe over its restarts. */
  readonly clientId?: ClientId | undefined;
}

/** How to send. */
export interface SendOptions extends AppendOptions {
  /** Offset of the message that this answers. */
  readonly replyTo?: number | undefined;
}

/** Which page of a list. */
export interface ListOptions extends CallOptions {
  /** Items wanted, at most 100. */
  readonly limit?: number | undefined;
  /** `next` of the page before. */
  readonly cursor?: string | undefined;
}

/** Which public conversations. */
export interface BrowseOptions extends ListOptions {
  /** Only those whose title has this in it, in any case. */
  readonly title?: string | undefined;
}

/** Which messages: without `before` and `after` the newest. */
export interface MessagesOptions extends CallOptions {
  /** Only offsets below. */
  readonly before?: number | undefined;
  /** Only offsets above. */
  readonly after?: number | undefined;
  /** Items wanted, at most 100. */
  readonly limit?: number | undefined;
}

/** A conversation to be made. */
export interface NewConversation {
  readonly kind: ConversationKind;
  readonly title?: string | undefined;
  /** First members besides oneself; exactly one for a direct conversation. */
  readonly members?: readonly UserId[] | undefined;
}

type Method = keyof Methods;
type Body<M extends Method> = Methods[M]['body'];
type AppendMethod = { [M in Method]: Body<M> extends { readonly client_id?: ClientId | undefined } ? M : never }[Method];
type WithoutId<M extends AppendMethod> = Omit<Body<M>, 'client_id'>;

/**
 * Conversations and users: one method for each rpc. All reject with `RialtoError`. Those that append wait for the durable
 * acknowledgement and repeat themselves with the same id until it comes.
 */
export abstract class Calls {
  /** Makes a call of the server. */
  protected abstract request<M extends Method>(method: M, body: () => Body<M>, retry: Retry, options?: CallOptions): Promise<Methods[M]['answer']>;

  /** A new id for something that appends: a UUIDv7 dated by the server's clock. */
  abstract newClientId(): ClientId;

  /** Says something. */
  send(conversation: ConversationId, text: string, { replyTo, ...options }: SendOptions = {}): Promise<Appended> {
    return this.append('conversation.send', { conversation, text, reply_to: replyTo }, options);
  }

  /** Says something in answer to the message at offset `to`. */
  reply(conversation: ConversationId, to: number, text: string, options?: AppendOptions): Promise<Appended> {
    return this.send(conversation, text, { ...options, replyTo: to });
  }

  /** Replaces the text of one's own message. */
  edit(conversation: ConversationId, target: number, text: string, options?: AppendOptions): Promise<Appended> {
    return this.append('conversation.edit', { conversation, target, text }, options);
  }

  /** Takes a message back. */
  delete(conversation: ConversationId, target: number, options?: AppendOptions): Promise<Appended> {
    return this.append('conversation.delete', { conversation, target }, options);
  }

  /** Adds a reaction. */
  react(conversation: ConversationId, target: number, emoji: string, options?: AppendOptions): Promise<Appended> {
    return this.append('conversation.react', { conversation, target, emoji }, options);
  }

  /** Takes a reaction back. */
  unreact(conversation: ConversationId, target: number, emoji: string, options?: AppendOptions): Promise<Appended> {
    return this.append('conversation.unreact', { conversation, target, emoji }, options);
  }

  /** Joins a public conversation. */
  join(conversation: ConversationId, options?: AppendOptions): Promise<Appended> {
    return this.append('conversation.join', { conversation }, options);
  }

  /** Leaves a conversation. */
  leave(conversation: ConversationId, options?: AppendOptions): Promise<Appended> {
    return this.append('conversation.leave', { conversation }, options);
  }

  /** Adds members. */
  invite(conversation: ConversationId, users: readonly UserId[], options?: AppendOptions): Promise<Appended> {
    return this.append('conversation.invite', { conversation, users }, options);
  }

  /** Removes a member. */
  remove(conversation: ConversationId, user: UserId, options?: AppendOptions): Promise<Appended> {
    return this.append('conversation.remove', { conversation, user }, options);
  }

  /** Changes a member's role. */
  setRole(conversation: ConversationId, user: UserId, role: Role, options?: AppendOptions): Promise<Appended> {
    return this.append('conversation.set_role', { conversation, user, role }, options);
  }

  /** Changes the title. */
  setTitle(conversation: ConversationId, title: string, options?: AppendOptions): Promise<Appended> {
    return this.append('conversation.set', { conversation, title }, options);
  }

  /** Creates a conversation; a repeat with the same `clientId` meets the same one, and so does a second direct one with the same person. */
  create(conversation: NewConversation, options?: AppendOptions): Promise<Conversation> {
    return this.append('conversation.create', conversation, options);
  }

  /** One page of one's own conversations, most recently active first. */
  list({ limit, cursor, ...options }: ListOptions = {}): Promise<Page<Conversation>> {
    return this.request('conversation.list', () => ({ limit, cursor }), 'safe', options);
  }

  /** All of one's own conversations, page by page as they are asked for. */
  async *listAll(options?: CallOptions): AsyncGenerator<Conversation, void, undefined> {
    let cursor: string | undefined;
    do {
      const page = await this.list({ ...options, cursor });
      yield* page.items;
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
  }

  /** One conversation. */
  conversation(conversation: ConversationId, options?: CallOptions): Promise<Conversation> {
    return this.request('conversation.get', () => ({ conversation }), 'safe', options);
  }

  /** One page of a conversation's members. */
  members(conversation: ConversationId, { limit, cursor, ...options }: ListOptions = {}): Promise<Page<Member>> {
    return this.request('conversation.members', () => ({ conversation, limit, cursor }), 'safe', options);
  }

  /** One page of messages with edits and reactions folded in, ascending. */
  messages(conversation: ConversationId, { before, after, limit, ...options }: MessagesOptions = {}): Promise<Page<Message>> {
    return this.request('conversation.messages', () => ({ conversation, before, after, limit }), 'safe', options);
  }

  /** Moves one's own read marker on; it never moves back. */
  markRead(conversation: ConversationId, offset: number, options?: CallOptions): Promise<Marked> {
    return this.request('conversation.mark_read', () => ({ conversation, offset }), 'safe', options);
  }

  /** Shows the others that one is typing. Worth nothing later: rejects at once without a connection. */
  async typing(conversation: ConversationId, options?: CallOptions): Promise<void> {
    await this.request('conversation.typing', () => ({ conversation }), 'ephemeral', options);
  }

  /** Slash commands of the bots in a conversation, in order of name. */
  commands(conversation: ConversationId, options?: CallOptions): Promise<Page<Command>> {
    return this.request('conversation.commands', () => ({ conversation }), 'safe', options);
  }

  /** Replaces one's own slash commands: bots only. */
  async setCommands(commands: readonly BotCommand[], options?: CallOptions): Promise<void> {
    await this.request('bot.set_commands', () => ({ commands }), 'safe', options);
  }

  /** Public conversations, most recently active first; `title` leaves those that have it in theirs, in any case. */
  browse({ title, limit, cursor, ...options }: BrowseOptions = {}): Promise<Page<PublicConversation>> {
    return this.request('conversation.browse', () => ({ title, limit, cursor }), 'safe', options);
  }

  /** Oneself. */
  me(options?: CallOptions): Promise<Profile> {
    return this.request('user.me', () => ({}), 'safe', options);
  }

  /** A user by id. */
  user(user: UserId, options?: CallOptions): Promise<Profile> {
    return this.request('user.get', () => ({ user }), 'safe', options);
  }

  /** A user by exact name, in any case. */
  findUser(username: string, options?: CallOptions): Promise<Profile> {
    return this.request('user.find', () => ({ username }), 'safe', options);
  }

  /** Changes what people read of oneself. */
  setProfile(profile: { readonly displayName: string }, options?: CallOptions): Promise<Profile> {
    return this.request('user.set', () => ({ display_name: profile.displayName }), 'safe', options);
  }

  private append<M extends AppendMethod>(method: M, fields: WithoutId<M>, { clientId, ...options }: AppendOptions = {}): Promise<Methods[M]['answer']> {
    return this.request(method, () => withId<M>(clientId ?? this.newClientId(), fields), 'safe', options);
  }
}

/** In the field order of the golden frames: conversation, id, the rest. */
function withId<M extends AppendMethod>(client_id: ClientId, fields: WithoutId<M>): Body<M> {
  const { conversation, ...rest } = fields as { readonly conversation?: ConversationId };
  return { ...(conversation === undefined ? {} : { conversation }), client_id, ...rest } as unknown as Body<M>;
}
