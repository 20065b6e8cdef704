import type { Client } from '../client.ts';
import { RialtoError } from '../error.ts';
import { conversationChannel, eventOf } from '../event.ts';
import type { BotCommand, Conversation, ConversationEvent, ConversationId, InboxEvent, MessageSent, Profile } from '../protocol/types.ts';
import { actorOf, BOT_ID_PREFIX, Context } from './context.ts';
import type { Row } from './context.ts';
import { Follower } from './follower.ts';
import { limited } from './limited.ts';
import { RUNNING_MAX, STOP_WITHIN_MS } from './limits.ts';
import { InvalidOption, readOptions, usageOf } from './options.ts';
import type { Options, Values } from './options.ts';
import { Turns } from './turns.ts';

/** How a bot behaves. */
export interface BotOptions {
  /** What a command begins with; `/` by default. */
  readonly prefix?: string;
  /** Hears other bots too. Two bots that answer each other never end. */
  readonly hearBots?: boolean;
}

export type MessageEvent = { readonly type: 'message' } & MessageSent;
export type MessageContext = Context<MessageEvent>;
/** The context of a command: `options` as they were declared. */
export type CommandContext<O extends Options> = MessageContext & { readonly options: Values<O> };
/** The context of a pattern: `match` as the regular expression found it. */
export type PatternContext = MessageContext & { readonly match: RegExpMatchArray };

type Handler<C> = (context: C) => unknown;
/** Runs around every handler of a row; without a call of `next` the row is passed over. */
export type Middleware = (context: Context, next: () => Promise<void>) => Promise<void> | void;
/** What is wanted of a row, and what is done then. */
interface Route {
  /** Null when the row is none of its business. */
  readonly prepare: (row: Row) => ((context: Context) => unknown) | null;
}

/**
 * A bot: it follows every conversation that it is in, hands each row to the handlers that want it, in order and one at a
 * time within a conversation, and goes on where it stood when it is started again.
 */
export class Bot {
  private readonly routes: Route[] = [];
  private readonly commands = new Map<string, BotCommand>();
  private readonly middleware: Middleware[] = [];
  private readonly followers = new Map<ConversationId, Follower>();
  private readonly turns = new Turns(RUNNING_MAX);
  private readonly stopping = new AbortController();
  private readonly prefix: string;
  private hearError: (error: unknown, context: Context | null) => void = (error) => console.error(error);
  private profile: Profile | null = null;
  private stopped: Promise<void> | null = null;

  constructor(readonly client: Client, private readonly options: BotOptions = {}) {
    this.prefix = options.prefix ?? '/';
  }

  // ---- what it does ----

  /**
   * Handles `/name …`. Wrong options are answered with the usage; the handler hears of right ones only. A bot's account registers
   * its commands at the start, so that people's clients complete them with this description.
   */
  command<O extends Options>(name: string, options: O, handler: Handler<CommandContext<O>>, description = ''): this {
    const word = this.prefix + name;
    this.commands.set(name, commandOf(name, description, options));
    return this.route('message', ({ event }) => {
      const [, line] = splitCommand(event.text, word) ?? [];
      if (line === undefined) return null;
      return (context) => {
        const values = given(options, line);
        if (values instanceof InvalidOption) return context.reply(`${values.message}\nUsage: ${usageOf(word, options)}`);
        return handler(Object.assign(context as MessageContext, { options: values }));
      };
    });
  }

  /** Handles messages that fit a pattern, or all messages. */
  message(handler: Handler<MessageContext>): this;
  message(pattern: RegExp, handler: Handler<PatternContext>): this;
  message(...given: [Handler<MessageContext>] | [RegExp, Handler<PatternContext>]): this {
    const [pattern, handler] = given.length === 1 ? [/[^]*/, given[0] as Handler<PatternContext>] : given;
    return this.route('message', ({ event }) => {
      const match = event.text.match(pattern);
      return match === null ? null : (context) => handler(Object.assign(context as MessageContext, { match }));
    });
  }

  /** Handles messages that name the bot as `@its-name`. */
  mention(handler: Handler<MessageContext>): this {
    return this.route('message', ({ event }) => {
      const name = this.profile?.username ?? '';
      return name !== '' && mentions(event.text, name) ? (context) => handler(context as MessageContext) : null;
    });
  }

  /** Handles any other kind of row: `member_joined`, `reaction_added` … */
  on<Type extends ConversationEvent['type']>(type: Type, handler: Handler<Context<Extract<ConversationEvent, { readonly type: Type }>>>): this {
    return this.route(type, () => (context) => handler(context as Context<any>));
  }

  /** Runs around the handlers of every row, in the order of these calls. */
  use(middleware: Middleware): this {
    this.middleware.push(middleware);
    return this;
  }

  /** Hears what handlers throw. One that throws harms neither the others nor the bot. */
  catch(hear: (error: unknown, context: Context | null) => void): this {
    this.hearError = hear;
    return this;
  }

  private route<Type extends ConversationEvent['type']>(
    type: Type, prepare: (row: Row & { readonly event: Extract<ConversationEvent, { readonly type: Type }> }) => ((context: Context) => unknown) | null,
  ): this {
    this.routes.push({ prepare: (row) => (row.event.type === type ? prepare(row as Row & { event: any }) : null) });
    return this;
  }

  // ---- its life ----

  /** Who it is, once it has started. */
  get me(): Profile {
    if (this.profile === null) throw new RialtoError('misuse', { detail: 'the bot has not started' });
    return this.profile;
  }

  /** Connects, and follows every conversation that it is in and will be in. Resolves when it does. */
  async start(): Promise<this> {
    const { client } = this;
    client.on('inbox', ({ event }) => void this.inbox(event).catch((error: unknown) => this.hearError(error, null)));
    client.on('gap', () => void this.followAll());
    client.on('subscribed', ({ byServer, wasRecovering, recovered }) => {
      if (byServer && wasRecovering && !recovered) void this.followAll();
    });
    client.connect();
    await client.connected();
    this.profile = await client.me();
    await this.register();
    await this.followAll();
    return this;
  }

  /** Says what it understands. Clients complete `/` only; a person's account and a token without this scope work all the same. */
  private async register(): Promise<void> {
    if (this.prefix !== '/' || this.commands.size === 0) return;
    try {
      await this.client.setCommands([...this.commands.values()]);
    } catch (error) {
      if (!(error instanceof RialtoError && error.code === 'forbidden')) this.hearError(error, null);
    }
  }

  /** Begins nothing new, lets running handlers end for a limited time, and closes the client. What was not handled is handled at the next start. */
  stop(): Promise<void> {
    this.stopped ??= this.end();
    return this.stopped;
  }

  private async end(): Promise<void> {
    const timer = setTimeout(() => this.stopping.abort(), STOP_WITHIN_MS);
    await Promise.all([...this.followers.values()].map((follower) => follower.stop()));
    clearTimeout(timer);
    await this.client.close();
  }

  private async inbox(event: InboxEvent): Promise<void> {
    const { conversation } = event;
    const follower = this.followers.get(conversation);
    if (event.type === 'conversation_removed') {
      this.followers.delete(conversation);
      await follower?.stop();
    } else if (follower !== undefined) {
      follower.poke();
    } else if (event.type === 'conversation_added' || event.type === 'conversation_changed') {
      await this.follow(await this.client.conversation(conversation));
    }
  }

  private async followAll(): Promise<void> {
    try {
      for await (const conversation of this.client.listAll()) {
        await this.follow(conversation);
        this.followers.get(conversation.id)?.poke();
      }
    } catch (error) {
      if (this.stopped === null) this.hearError(error, null);
    }
  }

  private async follow(conversation: Conversation): Promise<void> {
    if (this.followers.has(conversation.id)) return;
    const offset = await this.placeIn(conversation);
    if (this.followers.has(conversation.id) || this.stopped !== null) return;
    const follower = new Follower(
      this.client, conversation.id, { offset, epoch: conversation.epoch }, (row) => this.turns.take(() => this.dispatch(row)),
      (error) => this.hearError(error, null), this.stopping.signal,
    );
    this.followers.set(conversation.id, follower);
    follower.start();
  }

  /** Where to begin: behind the read marker, and where there is none yet, where the bot came in. */
  private async placeIn({ id, kind, read, offset }: Conversation): Promise<number> {
    if (read > 0 || kind === 'direct') return read;
    const channel = conversationChannel(id);
    const { publications } = await this.client.history(channel, { limit: -1, reverse: true });
    const cameIn = publications.find((publication) => {
      const row = eventOf(channel, publication);
      if (row.type !== 'conversation') return false;
      const { event } = row;
      return (event.type === 'member_joined' && event.user === this.me.id) || (event.type === 'conversation_created' && event.members.includes(this.me.id));
    });
    return cameIn?.offset ?? offset;
  }

  // ---- one row ----

  private async dispatch(row: Row): Promise<void> {
    const { event } = row;
    const isOwn = actorOf(event) === this.me.id;
    const isBots = event.type === 'message' && event.client_id.startsWith(BOT_ID_PREFIX) && this.options.hearBots !== true;
    if (isOwn || isBots) return;
    const outer = new Context(this.client, row, this.routes.length, this.stopping.signal);
    const run = async (index: number): Promise<void> => {
      const layer = this.middleware[index];
      if (layer === undefined) await this.handle(row, outer);
      else await layer(outer, () => run(index + 1));
    };
    await this.guarded(outer, () => run(0));
  }

  private async handle(row: Row, outer: Context): Promise<void> {
    for (const [index, { prepare }] of this.routes.entries()) {
      const handler = prepare(row);
      if (handler === null) continue;
      await this.guarded(outer, () => limited(this.client, this.stopping.signal, (signal) => handler(outer.for(index, signal))));
    }
  }

  /** The error boundary of one handler. */
  private async guarded(context: Context, run: () => unknown): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.hearError(error, context);
    }
  }
}

/** The command's word and what is written behind it, if the text is that command. */
function splitCommand(text: string, word: string): [string, string] | null {
  if (!text.toLowerCase().startsWith(word.toLowerCase())) return null;
  const behind = text.slice(word.length);
  return behind === '' || /^\s/.test(behind) ? [word, behind.trim()] : null;
}

/** A command as clients complete it. */
function commandOf(name: string, description: string, options: Options): BotCommand {
  return {
    name: name.toLowerCase(), description,
    options: Object.entries(options).map(([option, { kind, fallback, choices, description: about }]) => (
      { name: option, kind, required: fallback === null, choices, description: about })),
  };
}

function given<O extends Options>(options: O, line: string): Values<O> | InvalidOption {
  try {
    return readOptions(options, line);
  } catch (error) {
    if (error instanceof InvalidOption) return error;
    throw error;
  }
}

function mentions(text: string, name: string): boolean {
  const escaped = name.replace(/[.*+?^${}()|[\]\\-]/g, '\\$&');
  return new RegExp(`(^|[^\\w@])@${escaped}(?![\\w-])`, 'i').test(text);
}
