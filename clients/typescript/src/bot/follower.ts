import type { Client } from '../client.ts';
import { RialtoError } from '../error.ts';
import { conversationChannel, eventOf } from '../event.ts';
import type { ChannelEvent } from '../event.ts';
import type { ConversationEvent, ConversationId } from '../protocol/types.ts';
import type { Position } from '../state.ts';
import type { Subscription } from '../subscription.ts';
import { untilDone } from './again.ts';
import type { Row } from './context.ts';
import { BACKLOG_MAX, CATCH_UP_ROWS } from './limits.ts';

/** A row as it waits: `event` is null when it is of a kind that this version does not know. */
interface Waiting {
  readonly offset: number;
  readonly event: ConversationEvent | null;
}

/**
 * One conversation that a bot follows: every row behind its position is handled, one after the other. Its place is the
 * bot's read marker, which the server keeps: whoever starts again goes on there.
 */
export class Follower {
  private readonly backlog: Waiting[] = [];
  private subscription: Subscription | null = null;
  private isBehind = false;
  private isStopped = false;
  private marked: number;
  private running: Promise<void> | null = null;

  constructor(
    private readonly client: Client,
    readonly conversation: ConversationId,
    private position: Position,
    private readonly handle: (row: Row) => Promise<void>,
    private readonly report: (error: unknown) => void,
    /** Fires when the bot will wait no more. */
    private readonly signal: AbortSignal,
  ) {
    this.marked = position.offset;
  }

  /** Listens from the position on. Where the server lets no more channels be listened to, `poke` has to do. */
  start(): void {
    try {
      const subscription = this.client.watch(this.conversation, { since: this.position });
      this.subscription = subscription;
      subscription.on('subscribed', ({ wasRecovering, recovered, position }) => {
        if (wasRecovering && !recovered) this.lost(position);
      });
      subscription.on('conversation', ({ offset, event }) => this.offer(offset, event));
      subscription.on('unknown', ({ offset }) => this.offer(offset, null));
      subscription.on('unsubscribed', () => this.poke());
    } catch (error) {
      if (!(error instanceof RialtoError)) throw error;
      this.poke();
    }
  }

  /** There may be something new that nobody listens for. */
  poke(): void {
    if (this.subscription?.isLive === true) return;
    this.isBehind = true;
    this.wake();
  }

  /** Begins no more rows; resolves when the one that is being handled is done. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.subscription?.unsubscribe();
    await this.running;
  }

  private offer(offset: number | null, event: ConversationEvent | null): void {
    if (offset === null) return;
    const last = this.backlog.at(-1)?.offset ?? this.position.offset;
    if (offset <= last) return;
    // What does not join on, or finds no room, is read from the server later.
    if (offset > last + 1 || this.backlog.length >= BACKLOG_MAX) this.isBehind = true;
    else this.backlog.push({ offset, event });
    this.wake();
  }

  /** The live stream could not be resumed: read what lies between, or begin anew in a new timeline. */
  private lost(now: Position): void {
    if (now.epoch !== this.position.epoch) {
      this.position = now;
      this.backlog.length = 0;
    }
    this.isBehind = true;
    this.wake();
  }

  private wake(): void {
    this.running ??= this.run().finally(() => {
      this.running = null;
    });
  }

  private async run(): Promise<void> {
    try {
      for (;;) {
        if (this.backlog.length === 0 && this.isBehind && !this.isStopped) await this.catchUp();
        const next = this.isStopped ? undefined : this.backlog.shift();
        if (next === undefined) {
          await this.mark();
          if (this.isStopped || (this.backlog.length === 0 && !this.isBehind)) return;
        } else {
          await this.handleOne(next);
        }
      }
    } catch (error) {
      if (!this.isStopped && this.client.state.name !== 'closed') this.report(error);
    }
  }

  private async handleOne({ offset, event }: Waiting): Promise<void> {
    if (offset <= this.position.offset) return;
    if (event !== null) await this.handle({ conversation: this.conversation, offset, event });
    // A handler that was broken off is run again at the next start.
    if (this.signal.aborted) throw new RialtoError('aborted');
    this.position = { ...this.position, offset };
  }

  private async catchUp(): Promise<void> {
    const channel = conversationChannel(this.conversation);
    const page = await untilDone(() => this.client.history(channel, { since: this.position, limit: CATCH_UP_ROWS }), this.signal);
    for (const publication of page.publications) {
      const event: ChannelEvent = eventOf(channel, publication);
      this.backlog.push({ offset: publication.offset ?? 0, event: event.type === 'conversation' ? event.event : null });
    }
    this.isBehind = (this.backlog.at(-1)?.offset ?? page.position.offset) < page.position.offset;
  }

  /** Moves the read marker to where the handlers are. */
  private async mark(): Promise<void> {
    const { offset } = this.position;
    if (offset <= this.marked) return;
    await untilDone(() => this.client.markRead(this.conversation, offset), this.signal);
    this.marked = offset;
  }
}
