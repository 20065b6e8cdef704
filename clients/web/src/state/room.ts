import { conversationChannel, ERROR_CODES, REASONS } from '@rialto/client';
import type { Reason, Subscription } from '@rialto/client';
import { Store } from '../lib/store.ts';
import {
  acknowledge, applyEvent, dropPending, EMPTY_TIMELINE, firstUnread, foldEvent, indexOfOffset, messageOf, prepend, putPending, resetTo, trim,
} from '../model/timeline.ts';
import type { Timeline } from '../model/timeline.ts';
import type { Appended, Command, ConversationEvent, Message, OutboxEntry } from '../model/types.ts';
import { explain, explainCode } from './errors.ts';
import type { Session } from './session.ts';
import { TypingBoard } from './typing.ts';

/** Messages asked for per page. */
const PAGE = 50;
/** Pages that are loaded at most to reach the target of a jump. */
const JUMP_PAGES_MAX = 40;
/** Messages to others are at most this often announced as being typed, in milliseconds. */
const TYPING_EVERY_MS = 2_500;
/** Commands of the bots here are asked for again after this long, in milliseconds. */
const COMMANDS_FRESH_MS = 30_000;
/** Read markers are gathered for this long, in milliseconds. */
const READ_DELAY_MS = 250;

export interface RoomView {
  readonly timeline: Timeline;
  /** Who is typing, without oneself. */
  readonly typing: readonly string[];
  /** Who has this conversation open anywhere. */
  readonly online: ReadonlySet<string>;
  readonly isLoadingOlder: boolean;
  /** Why there is nothing to see, in words. */
  readonly problem: string | null;
  /** The conversation cannot be followed: not a member, banned, gone. */
  readonly isClosed: boolean;
  /** The first message that was unread when the conversation was opened; 0 for none. */
  readonly firstUnread: number;
  /** Slash commands of the bots here, as far as they were asked for. */
  readonly commands: readonly Command[];
  /** Messages that are quoted but not loaded; null for one that could not be had. */
  readonly quotes: ReadonlyMap<number, Message | null>;
}

/** One conversation that is followed live: its timeline, who is there, and the way of one's own messages into it. */
export class Room {
  readonly channel: string;
  readonly view = new Store<RoomView>({
    timeline: EMPTY_TIMELINE, typing: [], online: new Set(), isLoadingOlder: false, problem: null, isClosed: false, firstUnread: 0, commands: [], quotes: new Map(),
  });
  private readonly typists: TypingBoard;
  private clients = new Map<string, string>();
  /** Events that arrive while a page is on its way; the page may have been read before them. */
  private journal: { offset: number; event: ConversationEvent }[] = [];
  private loads = 0;
  private subscription: Subscription | null = null;
  private isDisposed = false;
  private lastTypingAt = 0;
  private commandsAskedAt = -Infinity;
  private markedOffset = -1;
  private wantedMark = 0;
  private markTimer = 0;
  private askedQuotes = new Set<number>();

  constructor(readonly session: Session, readonly id: string) {
    this.channel = conversationChannel(id);
    this.typists = new TypingBoard((typing) => this.patch({ typing }));
  }

  get me(): string {
    return this.session.me.id;
  }

  private get timeline(): Timeline {
    return this.view.value.timeline;
  }

  private patch(change: Partial<RoomView>): void {
    this.view.update((view) => ({ ...view, ...change }));
  }

  private fold(change: (timeline: Timeline) => Timeline): void {
    this.view.update((view) => ({ ...view, timeline: change(view.timeline) }));
  }

  /** Somebody is about to write a command: which ones there are. */
  async loadCommands(): Promise<void> {
    if (performance.now() - this.commandsAskedAt < COMMANDS_FRESH_MS) return;
    this.commandsAskedAt = performance.now();
    try {
      const { items } = await this.session.client.commands(this.id);
      this.patch({ commands: items });
    } catch {
      // Without them a command is written as any other text.
      this.commandsAskedAt = -Infinity;
    }
  }

  // ---- following ----

  follow(): void {
    this.patch({ problem: null, isClosed: false });
    const subscription = this.session.client.watch(this.id, { joinLeave: true });
    this.subscription = subscription;
    subscription.on('subscribed', ({ recovered }) => this.subscribed(recovered));
    subscription.on('conversation', ({ event, offset }) => this.event(event, offset));
    subscription.on('joined', ({ info }) => this.presence((clients) => clients.set(info.client, info.user)));
    subscription.on('left', ({ info }) => this.presence((clients) => clients.delete(info.client)));
    subscription.on('unsubscribed', ({ reason, willRetry }) => (willRetry ? this.interrupted() : this.unsubscribed(reason)));
  }

  dispose(): void {
    this.isDisposed = true;
    this.typists.clear();
    window.clearTimeout(this.markTimer);
    this.subscription?.unsubscribe();
  }

  /** Nothing is heard for now. */
  interrupted(): void {
    this.typists.clear();
    this.presence((clients) => clients.clear());
  }

  private unsubscribed({ code, text }: Reason): void {
    if (code === REASONS.byOwner) return;
    this.typists.clear();
    const isRemoval = code >= 2000 && code < 3000;
    const refusal = (ERROR_CODES as Readonly<Record<number, { readonly word: string }>>)[code]?.word ?? '';
    const problem = isRemoval ? 'You are no longer in this conversation.' : explainCode(refusal, text);
    this.patch({ problem, isClosed: true, online: new Set() });
  }

  private subscribed(recovered: boolean): void {
    if (!recovered || !this.timeline.isLoaded) void this.loadNewest();
    void this.loadPresence();
  }

  private event(event: ConversationEvent, offset: number | null): void {
    if (event.type === 'typing') {
      if (event.user !== this.me) this.typists.add(event.user, event.until - this.session.client.serverNow());
      return;
    }
    if (offset === null) return;
    if (this.loads > 0) this.journal.push({ offset, event });
    this.fold((timeline) => applyEvent(timeline, offset, event));
    if (event.type === 'message') this.typists.remove(event.sender);
    this.session.conversationEvent(this.id, offset, event);
  }

  private presence(change: (clients: Map<string, string>) => void): void {
    change(this.clients);
    this.patch({ online: new Set(this.clients.values()) });
  }

  private async loadPresence(): Promise<void> {
    try {
      const present = await this.session.client.presence(this.channel);
      this.clients = new Map(Object.values(present).map((info) => [info.client, info.user]));
      this.presence(() => undefined);
    } catch {
      // Who is online is an extra: without it the conversation works all the same, and joins still arrive.
    }
  }

  // ---- pages ----

  private async page(where: { before?: number }): Promise<readonly Message[]> {
    this.loads += 1;
    try {
      const answer = await this.session.client.messages(this.id, { ...where, limit: PAGE });
      return this.replay(answer.items, where.before === undefined);
    } finally {
      this.loads -= 1;
      if (this.loads === 0) this.journal = [];
    }
  }

  /** Applies what arrived meanwhile to a page that may be older than it. */
  private replay(items: readonly Message[], isNewest: boolean): readonly Message[] {
    const first = items[0]?.offset ?? 0;
    let page = items;
    for (const { offset, event } of this.journal) {
      const isInsertable = event.type !== 'message' || (isNewest && offset > first);
      if (isInsertable) page = foldEvent(page, offset, event);
    }
    return page;
  }

  async loadNewest(): Promise<void> {
    try {
      const page = await this.page({});
      if (this.isDisposed) return;
      const isFirst = !this.timeline.isLoaded;
      this.fold((timeline) => resetTo(timeline, page, isStart(page)));
      this.patch({ problem: null });
      if (isFirst) this.opened();
    } catch (error) {
      this.patch({ problem: explain(error) });
    }
  }

  private opened(): void {
    const unread = this.session.inbox.value.get(this.id)?.unread ?? 0;
    this.markedOffset = unread === 0 ? newestOfOthers(this.timeline.items, this.me) : 0;
    this.enter();
  }

  /** The conversation comes on screen: what is unread now is where reading begins. */
  enter(): void {
    const unread = this.session.inbox.value.get(this.id)?.unread ?? 0;
    this.patch({ firstUnread: firstUnread(this.timeline.items, unread, this.me) });
  }

  async loadOlder(): Promise<void> {
    const { timeline, isLoadingOlder } = this.view.value;
    const first = timeline.items[0];
    if (isLoadingOlder || timeline.reachedStart || !timeline.isLoaded || first === undefined) return;
    this.patch({ isLoadingOlder: true });
    try {
      const page = await this.page({ before: first.offset });
      // A reload of the newest page may have happened meanwhile; then this page no longer joins on.
      if (this.timeline.items[0]?.offset === first.offset) this.fold((current) => prepend(current, page, isStart(page)));
    } catch (error) {
      this.session.toasts.show(`Older messages could not be loaded. ${explain(error)}`);
    } finally {
      this.patch({ isLoadingOlder: false });
    }
  }

  /** Loads older pages until a message is there. */
  async reach(offset: number): Promise<boolean> {
    for (let page = 0; page < JUMP_PAGES_MAX; page += 1) {
      if (indexOfOffset(this.timeline.items, offset) >= 0) return true;
      const first = this.timeline.items[0]?.offset ?? 0;
      if (first <= offset || this.timeline.reachedStart) return false;
      await this.loadOlder();
      if (this.timeline.items[0]?.offset === first) return false;
    }
    return false;
  }

  /** Drops the oldest part of a long run; only while its reader looks at the end of it. */
  trim(): void {
    this.fold(trim);
  }

  quote(offset: number): Message | null | undefined {
    const index = indexOfOffset(this.timeline.items, offset);
    if (index >= 0) return this.timeline.items[index];
    if (!this.askedQuotes.has(offset)) {
      this.askedQuotes.add(offset);
      void this.loadQuote(offset);
    }
    return this.view.value.quotes.get(offset);
  }

  private async loadQuote(offset: number): Promise<void> {
    const answer = await this.session.client.messages(this.id, { after: offset - 1, limit: 1 }).catch(() => ({ items: [] as readonly Message[] }));
    const found = answer.items[0];
    this.patch({ quotes: new Map(this.view.value.quotes).set(offset, found?.offset === offset ? found : null) });
  }

  // ---- sending ----

  send(text: string, replyTo: number | undefined): void {
    this.lastTypingAt = 0;
    this.patch({ firstUnread: 0 });
    this.session.outbox.send(this.id, text, replyTo ?? null).catch((error: unknown) => this.session.toasts.show(`Not sent. ${explain(error)}`));
  }

  /** A message of one's own is on its way, or was refused. */
  waits(entry: OutboxEntry): void {
    this.fold((timeline) => putPending(timeline, entry));
  }

  waitsNoMore(entry: OutboxEntry): void {
    this.fold((timeline) => dropPending(timeline, entry.key));
  }

  acknowledged(entry: OutboxEntry, appended: Appended): void {
    this.fold((timeline) => acknowledge(timeline, entry, this.me, appended));
    this.session.sent(this.id, messageOf(entry, this.me, appended));
  }

  retry(key: string): void {
    void this.session.outbox.retry(key);
  }

  discard(key: string): void {
    void this.session.outbox.discard(key);
  }

  async edit(target: number, text: string): Promise<void> {
    await this.act(this.session.client.edit(this.id, target, text), { type: 'message_edited', target, text, by: this.me });
  }

  async remove(target: number): Promise<void> {
    await this.act(this.session.client.delete(this.id, target), { type: 'message_deleted', target, by: this.me });
  }

  private async act(change: Promise<Appended>, event: ConversationEvent): Promise<void> {
    try {
      await change;
      this.fold((timeline) => ({ ...timeline, items: foldEvent(timeline.items, 0, event) }));
    } catch (error) {
      this.session.toasts.show(explain(error));
    }
  }

  /** Adds or takes back one's own reaction; it shows at once and is undone if the server refuses. */
  async react(target: number, emoji: string): Promise<void> {
    const index = indexOfOffset(this.timeline.items, target);
    const isThere = this.timeline.items[index]?.reactions[emoji]?.includes(this.me) === true;
    const show = (isAdded: boolean): void => {
      const event = { type: isAdded ? 'reaction_added' as const : 'reaction_removed' as const, target, emoji, user: this.me };
      this.fold((timeline) => ({ ...timeline, items: foldEvent(timeline.items, 0, event) }));
    };
    show(!isThere);
    try {
      await (isThere ? this.session.client.unreact(this.id, target, emoji) : this.session.client.react(this.id, target, emoji));
    } catch (error) {
      show(isThere);
      this.session.toasts.show(explain(error));
    }
  }

  /** The person is writing; others are told now and then. */
  typing(): void {
    const now = Date.now();
    if (now - this.lastTypingAt < TYPING_EVERY_MS || !this.session.client.isConnected) return;
    this.lastTypingAt = now;
    this.session.client.typing(this.id).catch(() => undefined);
  }

  /** The reader has everything up to the newest message on screen. */
  read(): void {
    const newest = newestOfOthers(this.timeline.items, this.me);
    if (!this.timeline.isLoaded || this.markedOffset < 0 || newest <= this.markedOffset || newest <= this.wantedMark) return;
    this.wantedMark = newest;
    this.session.readLocally(this.id);
    window.clearTimeout(this.markTimer);
    this.markTimer = window.setTimeout(() => void this.sendMark(), READ_DELAY_MS);
  }

  private async sendMark(): Promise<void> {
    const offset = this.wantedMark;
    try {
      const answer = await this.session.client.markRead(this.id, offset);
      this.markedOffset = Math.max(this.markedOffset, offset);
      if (this.wantedMark === offset) this.session.setUnread(this.id, answer.unread);
    } catch {
      // The next look at the conversation marks again.
      if (this.wantedMark === offset) this.wantedMark = 0;
    }
  }
}

function newestOfOthers(items: readonly Message[], me: string): number {
  return items.findLast((message) => message.sender !== me)?.offset ?? 0;
}

/** A conversation begins with its creation at offset 1, so nothing can stand before a message at 2. */
function isStart(page: readonly Message[]): boolean {
  return (page[0]?.offset ?? 0) <= 2;
}
