import { Client } from '../client.ts';
import type { ClientOptions } from '../client-options.ts';
import type { WebSocketConstructor } from '../environment.ts';
import type {
  Appended, BotCommand, ClientId, ClientInfo, ConversationEvent, CreateConversation, InboxEvent, Profile, PublicConversation,
  Publication, UserId,
} from '../protocol/types.ts';
import { TestConversation } from './conversation.ts';
import { HANDLERS } from './methods.ts';
import { Peer } from './peer.ts';
import { Person } from './person.ts';
import { Refusal } from './refusal.ts';
import { MemorySocket } from './socket.ts';
import type { Schedule } from './socket.ts';
import { Stream } from './stream.ts';

/** What may befall a command on its way. */
export type Fault = 'lost before' | 'lost after' | 'cut after' | 'refused for now' | null;

/** What may befall a publication on its way. */
export type PushFault = 'lost' | 'twice' | null;

/** What a test may decide about its server. */
export interface TestServerOptions {
  /** The server's clock, milliseconds since 1970. */
  readonly now?: () => number;
  /** How long the wire takes; by default no time. */
  readonly schedule?: Schedule;
  /** Decides what befalls each command. */
  readonly fault?: (kind: string, body: unknown) => Fault;
  /** Decides what befalls each publication for each of its listeners. */
  readonly pushFault?: (channel: string) => PushFault;
}

/**
 * A Rialto server in memory, for unit tests of bots and apps: it speaks the real protocol, byte for byte, to real clients,
 * with durable conversations, dedupe, recovery, inboxes and topics; without accounts over HTTP, limits and bans.
 */
export class TestServer {
  /** Whether new connections get through. */
  isReachable = true;
  /** What bots have said that they understand. */
  readonly commands = new Map<UserId, readonly BotCommand[]>();
  private readonly users = new Map<UserId, Profile>();
  private readonly conversations = new Map<string, TestConversation>();
  /** By creator and client_id. */
  private readonly creations = new Map<string, TestConversation>();
  private readonly streams = new Map<string, Stream>();
  private readonly peers = new Map<MemorySocket, Peer>();
  private readonly watchers = new Set<() => void>();
  private counter = 0;

  constructor(private readonly options: TestServerOptions = {}) {}

  now(): number {
    return this.options.now?.() ?? Date.now();
  }

  // ---- for tests ----

  /** Somebody with this name; asking again gives the same person. */
  person(username: string): Person {
    const known = [...this.users.values()].find((profile) => profile.username === username);
    const profile = known ?? { id: this.newId(), username, display_name: username };
    this.users.set(profile.id, profile);
    return new Person(this, profile);
  }

  /** A real client that speaks with this server as this person; not connected yet. */
  client(person: Person, options: Partial<ClientOptions> = {}): Client {
    return new Client({ url: 'http://memory.test', token: person.token, webSocket: this.webSocket, ...options });
  }

  /** The `webSocket` of clients that are made elsewhere. */
  get webSocket(): WebSocketConstructor {
    const server = this;
    const schedule = this.options.schedule ?? queueMicrotask;
    return class extends MemorySocket {
      constructor(url: string) {
        super(url, server, schedule, server.isReachable);
      }
    };
  }

  /** Cuts every connection, or those of one person. */
  cut(person?: Person, code = 1006, reason = ''): void {
    for (const peer of [...this.peers.values()]) {
      if (person === undefined || peer.user === person.id) peer.close(code, reason);
    }
  }

  /** Waits until the probe finds something; it looks again after everything that happens here. */
  until<T>(probe: () => T | undefined | false | null, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = probe();
        if (found === undefined || found === false || found === null) return;
        this.watchers.delete(look);
        resolve(found);
      };
      this.watchers.add(look);
      signal?.addEventListener('abort', () => {
        this.watchers.delete(look);
        reject(signal.reason);
      }, { once: true });
      look();
    });
  }

  // ---- what connections, methods and persons ask ----

  accept(socket: MemorySocket): Peer {
    const peer = new Peer(this, socket, (this.counter += 1));
    this.peers.set(socket, peer);
    return peer;
  }

  left(socket: MemorySocket): void {
    const peer = this.peers.get(socket);
    this.peers.delete(socket);
    for (const channel of peer?.channels.keys() ?? []) this.joined(peer as Peer, channel, false);
  }

  faultFor(kind: string, body: unknown): Fault {
    return this.options.fault?.(kind, body) ?? null;
  }

  /** Tokens are `test:` and the user's id. */
  userOf(token: string): UserId | null {
    const id = token.replace(/^test:/, '');
    return this.users.has(id) ? id : null;
  }

  profile(user: UserId): Profile {
    return this.users.get(user) ?? refuse('not_found');
  }

  findProfile(username: string): Profile {
    const wanted = username.toLowerCase();
    return [...this.users.values()].find((profile) => profile.username.toLowerCase() === wanted) ?? refuse('not_found');
  }

  rename(user: UserId, displayName: string): Profile {
    const name = displayName.trim();
    if (name === '' || [...name].length > 64) refuse('invalid_argument');
    const renamed = { ...this.profile(user), display_name: name };
    this.users.set(user, renamed);
    return renamed;
  }

  conversation(id: string): TestConversation {
    return this.conversations.get(id) ?? refuse('not_found');
  }

  publicConversations(title: string): PublicConversation[] {
    const wanted = [...this.conversations.values()].filter((conversation) => (
      conversation.kind === 'public' && (conversation.title ?? '').toLowerCase().includes(title.toLowerCase())
    ));
    return wanted.reverse().map(({ id, title: called, members }) => ({ id, title: called, member_count: members.size, active: this.now() }));
  }

  conversationsOf(user: UserId): TestConversation[] {
    return [...this.conversations.values()].filter((conversation) => conversation.members.has(user)).reverse();
  }

  create(user: UserId, { kind, title, members = [], client_id: clientId }: CreateConversation): TestConversation {
    const all = [...new Set([user, ...members])];
    const isPair = (other: TestConversation): boolean => kind === 'direct' && other.kind === 'direct' && all.every((member) => other.members.has(member));
    const creation = `${user} ${clientId ?? this.newId()}`;
    const standing = this.creations.get(creation) ?? [...this.conversations.values()].find(isPair);
    if (standing !== undefined) return standing;
    const conversation = new TestConversation(this.newId(), kind, this.newEpoch());
    this.conversations.set(conversation.id, conversation);
    this.creations.set(creation, conversation);
    this.append(conversation, user, 'created', { type: 'conversation_created', kind, ...(title === undefined ? {} : { title }), members: all, by: user });
    return conversation;
  }

  append(conversation: TestConversation, user: UserId, clientId: ClientId, event: ConversationEvent): Appended {
    const before = new Set(conversation.members.keys());
    const { appended, isNew } = conversation.append(user, clientId, this.now(), event);
    if (isNew) {
      this.broadcast(`conversation:${conversation.id}`, { data: event, offset: appended.offset });
      this.tellMembers(conversation, before);
    }
    return appended;
  }

  /** An event for somebody's inbox. */
  tell(user: UserId, event: InboxEvent): void {
    this.broadcast(`user:${user}`, this.inbox(user).push(event));
  }

  broadcast(channel: string, pub: Publication): void {
    for (const peer of this.peers.values()) {
      const fault = peer.channels.has(channel) ? this.options.pushFault?.(channel) : 'lost';
      if (fault !== 'lost') peer.push({ channel, pub });
      if (fault === 'twice') peer.push({ channel, pub });
    }
  }

  joined(who: Peer, channel: string, isThere: boolean): void {
    const info = who.info();
    for (const peer of this.peers.values()) {
      if (peer.channels.get(channel)?.joinLeave === true) peer.push(isThere ? { channel, join: { info } } : { channel, leave: { info } });
    }
  }

  /** The stream of a channel that the user may listen to. */
  stream(channel: string, user: UserId): Stream {
    if (channel.startsWith('conversation:')) {
      const conversation = this.conversation(channel.slice('conversation:'.length));
      conversation.roleOf(user);
      return conversation.stream;
    }
    if (channel.startsWith('user:') && channel !== `user:${user}`) throw new Refusal('permission_denied');
    return this.memoryStream(channel);
  }

  present(channel: string, user: UserId): Peer[] {
    this.stream(channel, user);
    return [...this.peers.values()].filter((peer) => peer.channels.has(channel));
  }

  publish(channel: string, user: UserId, data: unknown, info: ClientInfo): void {
    if (channel.startsWith('conversation:')) this.call('conversation.send', user, { ...(data as object), conversation: channel.slice('conversation:'.length) });
    else this.broadcast(channel, this.stream(channel, user).push(data, info));
  }

  call(method: string, user: UserId, body: unknown): unknown {
    const handler = (HANDLERS as Record<string, ((server: TestServer, user: UserId, body: any) => unknown) | undefined>)[method];
    if (handler === undefined) throw new Refusal('method_not_found');
    const answer = handler(this, user, body ?? {});
    this.changed();
    return answer;
  }

  private tellMembers(conversation: TestConversation, before: ReadonlySet<UserId>): void {
    const { id, members } = conversation;
    for (const user of new Set([...before, ...members.keys()])) {
      if (!before.has(user)) this.tell(user, { type: 'conversation_added', conversation: id });
      else if (!members.has(user)) this.expel(user, id);
      else this.tell(user, { type: 'conversation_changed', conversation: id, last: conversation.messages.at(-1), unread: conversation.unread(user) });
    }
  }

  private expel(user: UserId, conversation: string): void {
    this.tell(user, { type: 'conversation_removed', conversation });
    const channel = `conversation:${conversation}`;
    for (const peer of this.peers.values()) {
      if (peer.user === user && peer.channels.delete(channel)) peer.push({ channel, unsubscribe: { code: 2000, reason: 'server unsubscribe' } });
    }
  }

  private inbox(user: UserId): Stream {
    return this.memoryStream(`user:${user}`);
  }

  private memoryStream(channel: string): Stream {
    let stream = this.streams.get(channel);
    if (stream === undefined) {
      stream = new Stream(this.newEpoch());
      this.streams.set(channel, stream);
    }
    return stream;
  }

  private changed(): void {
    for (const look of [...this.watchers]) look();
  }

  private newId(): string {
    this.counter += 1;
    return `01920000-0000-7000-8000-${this.counter.toString(16).padStart(12, '0')}`;
  }

  private newEpoch(): string {
    this.counter += 1;
    return `e${this.counter}`;
  }
}

function refuse(word: string): never {
  throw new Refusal(word);
}
