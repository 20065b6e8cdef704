import type { Client } from '../client.ts';
import { RialtoError } from '../error.ts';
import type { Appended, ClientId, ConversationEvent, ConversationId, UserId } from '../protocol/types.ts';
import { untilDone } from './again.ts';
import { ACTIONS_MAX } from './limits.ts';

/** What every id that a bot makes begins with; other bots do not answer to these unless they want to. */
export const BOT_ID_PREFIX = 'bot-';

/** One row of a conversation, as a follower hands it on. */
export interface Row {
  readonly conversation: ConversationId;
  readonly offset: number;
  readonly event: ConversationEvent;
}

/**
 * What a handler knows of the row that it was called for, and what it can do about it. What it does is done once: the id of
 * each reply is made of the row, the handler and its number, so a handler that is run again after a crash repeats the same
 * replies under the same ids, and the server knows them.
 */
export class Context<Event extends ConversationEvent = ConversationEvent> {
  readonly conversation: ConversationId;
  readonly offset: number;
  readonly event: Event;
  /** For middleware: what it found out about this row. */
  readonly state: Map<unknown, unknown>;
  private actions = 0;

  /** @internal */
  constructor(
    readonly client: Client,
    private readonly row: Row & { readonly event: Event },
    private readonly handler: number,
    /** Fires when the handler takes too long, or the bot will wait no more. */
    readonly signal: AbortSignal,
    state: Map<unknown, unknown> = new Map(),
  ) {
    this.conversation = row.conversation;
    this.offset = row.offset;
    this.event = row.event;
    this.state = state;
  }

  /** Who did it. */
  get sender(): UserId {
    return actorOf(this.event);
  }

  /** What was said; empty when the row is no message. */
  get text(): string {
    return this.event.type === 'message' ? this.event.text : '';
  }

  /** Says something in the conversation. Resolves when it stands. */
  say(text: string): Promise<Appended> {
    return this.act((clientId) => this.client.send(this.conversation, text, { clientId, signal: this.signal }));
  }

  /** Answers the row. */
  reply(text: string): Promise<Appended> {
    return this.act((clientId) => this.client.reply(this.conversation, this.offset, text, { clientId, signal: this.signal }));
  }

  /** Reacts to the row, or to another message. */
  react(emoji: string, target = this.offset): Promise<Appended> {
    return this.act((clientId) => this.client.react(this.conversation, target, emoji, { clientId, signal: this.signal }));
  }

  /** Replaces the text of one of the bot's own messages. */
  edit(target: number, text: string): Promise<Appended> {
    return this.act((clientId) => this.client.edit(this.conversation, target, text, { clientId, signal: this.signal }));
  }

  /** Shows that the bot is at it. */
  async typing(): Promise<void> {
    await this.client.typing(this.conversation).catch(() => undefined);
  }

  /** Anything else that appends: done once, and as often as it takes. `make` gets the id to use. */
  async act<T>(make: (clientId: ClientId) => Promise<T>): Promise<T> {
    this.actions += 1;
    if (this.actions > ACTIONS_MAX) throw new RialtoError('misuse', { detail: `more than ${ACTIONS_MAX} actions for one row` });
    const clientId = `${BOT_ID_PREFIX}${this.conversation}-${this.offset}-${this.handler}.${this.actions}`;
    return untilDone(() => make(clientId), this.signal);
  }

  /** @internal The same row for the next handler. */
  for(handler: number, signal: AbortSignal): Context<Event> {
    return new Context(this.client, this.row, handler, signal, this.state);
  }
}

/** Who did what an event tells. */
export function actorOf(event: ConversationEvent): UserId {
  switch (event.type) {
    case 'message':
      return event.sender;
    case 'reaction_added':
    case 'reaction_removed':
    case 'typing':
      return event.user;
    default:
      return event.by;
  }
}
