import { Client, IndexedDbOutboxStore, Outbox, REASONS, RialtoError } from '@rialto/client';
import type { ConnectionState } from '@rialto/client';
import { Store } from '../lib/store.ts';
import { patch, put, remove, withLast } from '../model/inbox.ts';
import type { Inbox } from '../model/inbox.ts';
import type { Conversation, ConversationEvent, InboxEvent, Member, Message, Profile } from '../model/types.ts';
import type { Auth } from './auth.ts';
import { Drafts } from './drafts.ts';
import { explain, explainCode } from './errors.ts';
import { Profiles } from './profiles.ts';
import { Room } from './room.ts';
import { NOT_YET, statusOf } from './status.ts';
import type { Status } from './status.ts';
import { Toasts } from './toasts.ts';

/** Conversations followed live at once; the least recently opened one is let go. */
const ROOMS_MAX = 12;
/** Several changes of one conversation lead to one look at it, in milliseconds. */
const REFRESH_DELAY_MS = 200;
/** Codes after which the token is of no more use: the person must log in. */
const SIGNED_OUT_CODES: ReadonlySet<number> = new Set([3500, REASONS.noToken]);
/** Items asked for per page of a list. */
const LIST_PAGE = 100;
/** One's own conversations that are loaded; beyond that the oldest are reached by link. */
const CONVERSATIONS_MAX = 2_000;
/** Members that are shown. */
const MEMBERS_SHOWN_MAX = 500;

export interface InboxState {
  readonly isLoaded: boolean;
  readonly problem: string | null;
}

/** Everything of one signed-in person: the live connection, the list of conversations, the followed ones, names. */
export class Session {
  readonly status = new Store<Status>(NOT_YET);
  readonly inbox = new Store<Inbox>(new Map());
  readonly inboxState = new Store<InboxState>({ isLoaded: false, problem: null });
  /** What a screen reader should say of new messages. */
  readonly spoken = new Store('');
  readonly toasts = new Toasts();
  readonly client: Client;
  /** What was written and has not arrived; it outlives the page. */
  readonly outbox: Outbox;
  readonly profiles: Profiles;
  readonly drafts: Drafts;
  isStopped = false;
  /** The conversation on screen. */
  current: string | null = null;
  /** The conversation whose end is being looked at: nothing in it is unread, whatever is still on its way. */
  reading: string | null = null;
  private readonly rooms = new Map<string, Room>();
  private readonly refreshTimers = new Map<string, number>();

  constructor(private readonly auth: Auth, readonly me: Profile) {
    this.client = new Client({ token: auth.tokenSource, name: 'rialto-web' });
    this.outbox = new Outbox(this.client, IndexedDbOutboxStore.open(me.id));
    this.profiles = new Profiles(this.client, me);
    this.drafts = new Drafts(me.id);
  }

  start(): void {
    this.listen();
    this.client.connect();
    window.addEventListener('online', this.onOnline);
    window.addEventListener('offline', this.onOffline);
    document.addEventListener('visibilitychange', this.onVisible);
    void this.outbox.restore();
  }

  private listen(): void {
    const { client, outbox } = this;
    client.on('state', ({ state }) => this.stateChanged(state));
    client.on('inbox', ({ event }) => this.inboxEvent(event));
    client.on('gap', () => void this.loadInbox());
    client.on('subscribed', ({ byServer, recovered }) => {
      if (byServer && (!recovered || !this.inboxState.value.isLoaded)) void this.loadInbox();
    });
    outbox.on('waiting', ({ entry }) => this.room(entry.conversation).waits(entry));
    outbox.on('gone', ({ entry }) => this.room(entry.conversation).waitsNoMore(entry));
    outbox.on('sent', ({ entry, appended }) => this.room(entry.conversation).acknowledged(entry, appended));
    outbox.on('failed', ({ entry }) => {
      this.room(entry.conversation).waits(entry);
      this.toasts.show(`Not sent. ${explainCode(entry.error ?? '')}`);
    });
  }

  /** Whoever logs out leaves nothing behind in this browser. */
  forgetWhatWasWritten(): void {
    this.drafts.clear();
    void this.outbox.clear();
  }

  stop(): void {
    this.isStopped = true;
    window.removeEventListener('online', this.onOnline);
    window.removeEventListener('offline', this.onOffline);
    document.removeEventListener('visibilitychange', this.onVisible);
    for (const timer of this.refreshTimers.values()) window.clearTimeout(timer);
    for (const room of this.rooms.values()) room.dispose();
    this.outbox.stop();
    this.drafts.stop();
    void this.client.close();
  }

  private readonly onOnline = (): void => void this.client.connect();
  private readonly onOffline = (): void => this.client.suspect('offline');
  private readonly onVisible = (): void => {
    if (document.visibilityState === 'visible' && this.status.value.state === 'connecting') this.client.connect();
  };

  private stateChanged(state: ConnectionState): void {
    this.status.update((status) => statusOf(status, state));
    if (state.name === 'disconnected' || state.name === 'suspended') {
      for (const room of this.rooms.values()) room.interrupted();
    }
    if (state.name === 'suspended' && SIGNED_OUT_CODES.has(state.reason.code) && !this.isStopped) this.auth.expire();
  }

  // ---- the list ----

  async loadInbox(): Promise<void> {
    try {
      const before = this.inbox.value;
      const next = new Map<string, Conversation>();
      for await (const conversation of this.client.listAll()) {
        if (next.size >= CONVERSATIONS_MAX) break;
        const known = before.get(conversation.id);
        const isOlder = (known?.last?.offset ?? 0) > (conversation.last?.offset ?? 0) && known?.epoch === conversation.epoch;
        next.set(conversation.id, isOlder && known?.last !== undefined ? { ...conversation, last: known.last } : conversation);
      }
      this.inbox.set(next);
      this.inboxState.set({ isLoaded: true, problem: null });
    } catch (error) {
      this.inboxState.update((state) => ({ ...state, problem: explain(error) }));
    }
  }

  private inboxEvent(event: InboxEvent): void {
    const id = event.conversation;
    switch (event.type) {
      case 'conversation_changed':
        if (this.inbox.value.has(id)) this.inbox.update((inbox) => withLast(inbox, id, event.last, this.reading === id ? 0 : event.unread));
        else this.refresh(id);
        break;
      case 'conversation_added':
        this.refresh(id);
        break;
      case 'conversation_removed':
        this.inbox.update((inbox) => remove(inbox, id));
        break;
      case 'read': {
        const newest = this.inbox.value.get(id)?.last?.offset ?? 0;
        if (event.offset >= newest) this.setUnread(id, 0);
        else this.refresh(id);
        break;
      }
      default:
    }
  }

  /** Looks a conversation up again, soon. */
  refresh(id: string): void {
    window.clearTimeout(this.refreshTimers.get(id));
    this.refreshTimers.set(id, window.setTimeout(() => void this.lookUp(id), REFRESH_DELAY_MS));
  }

  /** Asks for one conversation and puts it into the list if one is in it. */
  async lookUp(id: string): Promise<Conversation | null> {
    try {
      const conversation = await this.client.conversation(id);
      if (conversation.role !== undefined) this.inbox.update((inbox) => put(inbox, conversation));
      return conversation;
    } catch (error) {
      if (error instanceof RialtoError && !error.temporary && !error.outcomeUnknown) this.inbox.update((inbox) => remove(inbox, id));
      return null;
    }
  }

  /** The first members of a conversation. */
  async members(conversation: string): Promise<readonly Member[]> {
    const all: Member[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.client.members(conversation, { limit: LIST_PAGE, cursor });
      all.push(...page.items);
      cursor = page.next ?? undefined;
    } while (cursor !== undefined && all.length < MEMBERS_SHOWN_MAX);
    return all;
  }

  add(conversation: Conversation): void {
    this.inbox.update((inbox) => put(inbox, conversation));
  }

  setUnread(id: string, unread: number): void {
    this.inbox.update((inbox) => patch(inbox, id, { unread }));
  }

  readLocally(id: string): void {
    if ((this.inbox.value.get(id)?.unread ?? 0) > 0) this.setUnread(id, 0);
  }

  sent(id: string, last: Message): void {
    this.inbox.update((inbox) => withLast(inbox, id, last, undefined));
  }

  // ---- followed conversations ----

  room(id: string): Room {
    let room = this.rooms.get(id);
    if (room === undefined) {
      room = new Room(this, id);
      this.rooms.set(id, room);
      room.follow();
    } else {
      this.rooms.delete(id);
      this.rooms.set(id, room);
    }
    this.letGo();
    return room;
  }

  /** Follows a conversation anew after it was joined. */
  rejoin(id: string): void {
    this.rooms.get(id)?.dispose();
    this.rooms.delete(id);
  }

  private letGo(): void {
    for (const [id, room] of this.rooms) {
      if (this.rooms.size <= ROOMS_MAX) return;
      // What is not sent yet must not be forgotten.
      if (id === this.current || room.view.value.timeline.pending.length > 0) continue;
      room.dispose();
      this.rooms.delete(id);
    }
  }

  /** A row of a followed conversation: the list shows it without waiting for the inbox, which is slower by design. */
  conversationEvent(id: string, offset: number, event: ConversationEvent): void {
    switch (event.type) {
      case 'message': {
        const { type: _, ...message } = event;
        const { sender, text } = message;
        const known = this.inbox.value.get(id);
        const isNew = offset > (known?.last?.offset ?? 0);
        const unread = isNew && sender !== this.me.id && this.reading !== id ? (known?.unread ?? 0) + 1 : known?.unread;
        this.inbox.update((inbox) => withLast(inbox, id, { offset, ...message, reactions: {} }, unread));
        if (id === this.current && sender !== this.me.id) void this.speak(sender, text);
        break;
      }
      case 'message_edited':
      case 'message_deleted':
        if (event.target === this.inbox.value.get(id)?.last?.offset) this.refresh(id);
        break;
      case 'reaction_added':
      case 'reaction_removed':
        break;
      default:
        // Members, roles, title: one look at the whole is simpler than folding each, and these are rare.
        if ((event.type === 'member_removed' || event.type === 'member_left') && event.user === this.me.id) {
          this.inbox.update((inbox) => remove(inbox, id));
        } else {
          this.refresh(id);
        }
    }
  }

  private async speak(sender: string, text: string): Promise<void> {
    const name = this.profiles.get(sender)?.display_name ?? 'New message';
    this.spoken.set(`${name}: ${text.slice(0, 300)}`);
  }
}
