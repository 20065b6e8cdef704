import { Store } from '../lib/store.ts';
import { browserRandomBytes, uuid7Factory } from '../lib/uuid7.ts';
import { patch, put, remove, withLast } from '../model/inbox.ts';
import type { Inbox } from '../model/inbox.ts';
import type { Conversation, ConversationEvent, InboxEvent, LastMessage, Profile } from '../model/types.ts';
import { RealtimeClient } from '../realtime/client.ts';
import type { Status } from '../realtime/client.ts';
import { browserEnvironment } from '../realtime/environment.ts';
import { CommandError } from '../realtime/error.ts';
import type { Listener } from '../realtime/subscription.ts';
import { Api } from './api.ts';
import type { Auth } from './auth.ts';
import { explain } from './errors.ts';
import { keepUnsent, takeUnsent } from './outbox.ts';
import { Profiles } from './profiles.ts';
import { Room } from './room.ts';
import { Toasts } from './toasts.ts';

/** Conversations followed live at once; the least recently opened one is let go. */
const ROOMS_MAX = 12;
/** Several changes of one conversation lead to one look at it, in milliseconds. */
const REFRESH_DELAY_MS = 200;
/** Close codes after which the token is of no more use: the person must log in. */
const SIGNED_OUT_CODES = new Set([3500]);

export interface InboxState {
  readonly isLoaded: boolean;
  readonly problem: string | null;
}

/** Everything of one signed-in person: the live connection, the list of conversations, the followed ones, names. */
export class Session {
  readonly status = new Store<Status>({ state: 'disconnected', attempt: 0, retryAt: null, code: 0, reason: '' });
  readonly inbox = new Store<Inbox>(new Map());
  readonly inboxState = new Store<InboxState>({ isLoaded: false, problem: null });
  /** What a screen reader should say of new messages. */
  readonly spoken = new Store('');
  readonly toasts = new Toasts();
  readonly client: RealtimeClient;
  readonly api: Api;
  readonly profiles: Profiles;
  isStopped = false;
  /** The conversation on screen. */
  current: string | null = null;
  /** The conversation whose end is being looked at: nothing in it is unread, whatever is still on its way. */
  reading: string | null = null;
  private readonly rooms = new Map<string, Room>();
  private readonly refreshTimers = new Map<string, number>();

  constructor(private readonly auth: Auth, readonly me: Profile) {
    this.client = new RealtimeClient(browserEnvironment((force) => auth.accessToken(force)), {
      name: 'rialto-web',
      onStatus: (status) => this.onStatus(status),
      serverSide: (channel) => (channel === `user:${me.id}` ? this.inboxListener : {}),
    });
    const newId = uuid7Factory(() => this.client.serverNow(), browserRandomBytes);
    this.api = new Api(this.client, (timeoutMs) => this.whenConnected(timeoutMs), newId);
    this.profiles = new Profiles(this.api, me);
  }

  start(): void {
    this.client.connect();
    window.addEventListener('online', this.onOnline);
    window.addEventListener('offline', this.onOffline);
    document.addEventListener('visibilitychange', this.onVisible);
    const unsent = takeUnsent(this.me.id);
    for (const conversation of new Set(unsent.map((entry) => entry.conversation))) {
      this.room(conversation).restore(unsent.filter((entry) => entry.conversation === conversation).map((entry) => entry.message));
    }
  }

  forgetUnsent(): void {
    keepUnsent(this.me.id, []);
  }

  /** Keeps over a reload what is not acknowledged yet. */
  keepUnsent(): void {
    const rooms = [...this.rooms.values()];
    keepUnsent(this.me.id, rooms.flatMap((room) => room.view.value.timeline.pending.map((message) => ({ conversation: room.id, message }))));
  }

  stop(): void {
    this.isStopped = true;
    window.removeEventListener('online', this.onOnline);
    window.removeEventListener('offline', this.onOffline);
    document.removeEventListener('visibilitychange', this.onVisible);
    for (const timer of this.refreshTimers.values()) window.clearTimeout(timer);
    for (const room of this.rooms.values()) room.dispose();
    this.client.disconnect();
  }

  private readonly onOnline = (): void => this.client.retryNow();
  private readonly onOffline = (): void => this.client.suspect('offline');
  private readonly onVisible = (): void => {
    if (document.visibilityState === 'visible' && this.status.value.state === 'connecting') this.client.retryNow();
  };

  private onStatus(status: Status): void {
    this.status.set(status);
    if (status.state === 'disconnected' && SIGNED_OUT_CODES.has(status.code) && !this.isStopped) this.auth.expire();
  }

  private whenConnected(timeoutMs: number): Promise<void> {
    if (this.client.isConnected) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const done = (error: CommandError | null): void => {
        window.clearTimeout(timer);
        stop();
        if (error === null) resolve();
        else reject(error);
      };
      const timer = window.setTimeout(() => done(CommandError.disconnected()), timeoutMs);
      const stop = this.status.watch(() => {
        if (this.client.isConnected) done(null);
      });
    });
  }

  // ---- the list ----

  private readonly inboxListener: Listener = {
    subscribed: ({ recovered }) => {
      if (!recovered || !this.inboxState.value.isLoaded) void this.loadInbox();
    },
    publication: (data) => this.inboxEvent(data as InboxEvent),
  };

  async loadInbox(): Promise<void> {
    try {
      const list = await this.api.conversations();
      const before = this.inbox.value;
      const next = new Map<string, Conversation>();
      for (const conversation of list) {
        const known = before.get(conversation.id);
        const isOlder = (known?.last?.offset ?? 0) > (conversation.last?.offset ?? 0) && known?.epoch === conversation.epoch;
        next.set(conversation.id, isOlder && known?.last != null ? { ...conversation, last: known.last } : conversation);
      }
      this.inbox.set(next);
      this.inboxState.set({ isLoaded: true, problem: null });
    } catch (error) {
      this.inboxState.update((state) => ({ ...state, problem: explain(error) }));
    }
  }

  private inboxEvent(event: InboxEvent): void {
    const id = typeof event.conversation === 'object' ? event.conversation.id : event.conversation;
    if (id === undefined) return;
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
        if ((event.offset ?? 0) >= newest) this.setUnread(id, 0);
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
      const conversation = await this.api.conversation(id);
      if (conversation.role != null) this.inbox.update((inbox) => put(inbox, conversation));
      return conversation;
    } catch (error) {
      if (error instanceof CommandError && !error.temporary) this.inbox.update((inbox) => remove(inbox, id));
      return null;
    }
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

  sent(id: string, last: LastMessage): void {
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
        const { sender = '', text = '', time = 0 } = event;
        const known = this.inbox.value.get(id);
        const isNew = offset > (known?.last?.offset ?? 0);
        const unread = isNew && sender !== this.me.id && this.reading !== id ? (known?.unread ?? 0) + 1 : known?.unread;
        this.inbox.update((inbox) => withLast(inbox, id, { offset, sender, text, time }, unread));
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
        if (event.user === this.me.id && (event.type === 'member_removed' || event.type === 'member_left')) {
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
