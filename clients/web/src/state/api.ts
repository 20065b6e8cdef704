import type {
  Appended, Conversation, Member, Message, Page, Profile,
} from '../model/types.ts';
import type { RealtimeClient } from '../realtime/client.ts';
import { CommandError } from '../realtime/error.ts';
import type { ClientInfo } from '../realtime/frames.ts';

/** Attempts for one call before its error is shown; a lost connection counts as one. */
const ATTEMPTS_MAX = 5;
/** How long a call waits for the connection to come back, in milliseconds. */
const WAIT_CONNECTED_MS = 20_000;
/** First wait after a temporary refusal; doubles with each attempt, in milliseconds. */
const RETRY_MS = 400;
/** Items asked for per page of a list. */
const LIST_PAGE = 100;
/** Pages of one's own conversations that are loaded; beyond that the oldest are reached by search or link. */
const LIST_PAGES_MAX = 20;

/**
 * The typed calls of the server over the live connection. Everything that appends carries a `client_id`, so a call whose
 * outcome is unknown is simply made again with the same one and answered with its first outcome.
 */
export class Api {
  constructor(
    private readonly client: RealtimeClient,
    private readonly whenConnected: (timeoutMs: number) => Promise<void>,
    readonly newId: () => string,
  ) {}

  async call<T>(method: string, body: object, attempts = ATTEMPTS_MAX): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.whenConnected(WAIT_CONNECTED_MS);
        return (await this.client.rpc(method, body)) as T;
      } catch (error) {
        const isWorthwhile = error instanceof CommandError && error.temporary && attempt < attempts;
        if (!isWorthwhile) throw error;
        const ceiling = RETRY_MS * 2 ** attempt;
        if (!error.isUnknown) await new Promise((resolve) => setTimeout(resolve, ceiling * (0.5 + Math.random() / 2)));
      }
    }
  }

  async conversations(): Promise<Conversation[]> {
    const all: Conversation[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < LIST_PAGES_MAX; page += 1) {
      const body = { limit: LIST_PAGE, ...(cursor === null ? {} : { cursor }) };
      const answer: Page<Conversation> = await this.call('conversation.list', body);
      all.push(...answer.items);
      cursor = answer.next ?? null;
      if (cursor === null) break;
    }
    return all;
  }

  async members(conversation: string, pages = 5): Promise<Member[]> {
    const all: Member[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < pages; page += 1) {
      const body = { conversation, limit: LIST_PAGE, ...(cursor === null ? {} : { cursor }) };
      const answer: Page<Member> = await this.call('conversation.members', body);
      all.push(...answer.items);
      cursor = answer.next ?? null;
      if (cursor === null) break;
    }
    return all;
  }

  conversation(conversation: string): Promise<Conversation> {
    return this.call('conversation.get', { conversation });
  }

  create(kind: string, title: string, members: readonly string[]): Promise<Conversation> {
    const body = { kind, members, client_id: this.newId(), ...(title === '' ? {} : { title }) };
    return this.call('conversation.create', body);
  }

  messages(conversation: string, where: { before?: number; after?: number; limit: number }): Promise<Page<Message>> {
    return this.call('conversation.messages', { conversation, ...where });
  }

  send(conversation: string, clientId: string, text: string, replyTo: number | undefined): Promise<Appended> {
    const body = { conversation, client_id: clientId, text, ...(replyTo === undefined ? {} : { reply_to: replyTo }) };
    return this.call('conversation.send', body);
  }

  /** The appending verbs that need no more than their own fields: edit, delete, react, join, invite … */
  append(verb: string, conversation: string, fields: object = {}): Promise<Appended> {
    return this.call(`conversation.${verb}`, { conversation, client_id: this.newId(), ...fields });
  }

  markRead(conversation: string, offset: number): Promise<{ offset: number; unread: number }> {
    return this.call('conversation.mark_read', { conversation, offset });
  }

  typing(conversation: string): Promise<unknown> {
    return this.call('conversation.typing', { conversation }, 1);
  }

  user(user: string): Promise<Profile> {
    return this.call('user.get', { user });
  }

  findUser(username: string): Promise<Profile> {
    return this.call('user.find', { username });
  }

  presence(channel: string): Promise<Record<string, ClientInfo>> {
    return this.client.presence(channel);
  }
}
