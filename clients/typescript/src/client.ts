import { Calls } from './calls.ts';
import { addressesOf, named } from './client-options.ts';
import type { ClientOptions, History, HistoryOptions } from './client-options.ts';
import { Connection } from './connection.ts';
import { realEnvironment } from './environment.ts';
import type { Environment } from './environment.ts';
import { RialtoError } from './error.ts';
import { conversationChannel } from './event.ts';
import type { ClientEvent } from './event.ts';
import type { Push } from './frames.ts';
import { Hub } from './hub.ts';
import type { Lagged } from './hub.ts';
import { CLOSE_WITHIN_MS, DEFAULT_SETTINGS } from './limits.ts';
import { LIMITS } from './protocol/codes.ts';
import type { ClientInfo, ConversationId, Methods } from './protocol/types.ts';
import { Requests } from './requests.ts';
import type { CallOptions, Retry } from './requests.ts';
import { ServerSide } from './server-side.ts';
import { REASONS, willRetry } from './state.ts';
import type { ConnectionState, Reason } from './state.ts';
import type { Subscription, SubscribeOptions } from './subscription.ts';
import { Subscriptions } from './subscriptions.ts';
import { uuid7Factory } from './uuid7.ts';

/** The version that this SDK tells the server. */
export const VERSION = '0.1.0';

/**
 * A connection to a Rialto server that stays: it comes back by itself, resumes every channel where it stood, and repeats
 * what was not acknowledged with the same id, so that nothing is said twice.
 */
export class Client extends Calls {
  private readonly hub: Hub<ClientEvent>;
  private readonly environment: Environment;
  private readonly requests: Requests;
  private readonly subscriptions: Subscriptions;
  private readonly serverSide: ServerSide;
  private readonly connection: Connection;
  private readonly newUuid: () => string;
  /** The server's clock less ours. */
  private clockOffsetMs: number | null = null;
  private closing: Promise<void> | null = null;

  constructor(options: ClientOptions) {
    super();
    const settings = { ...DEFAULT_SETTINGS, ...options.settings };
    const environment = options.environment ?? realEnvironment(options.webSocket);
    const report = options.onError ?? ((error) => environment.setTimer(() => { throw error; }, 0));
    const emit = (event: ClientEvent): void => this.hub.emit(event);
    this.environment = environment;
    this.hub = new Hub(settings.eventsMax, report);
    this.requests = new Requests(environment, settings);
    this.serverSide = new ServerSide(emit);
    this.subscriptions = new Subscriptions({ environment, settings, emit, report, giveUp: (reason) => this.connection.giveUp(reason) });
    const identity = { addresses: addressesOf(options.url), token: options.token, name: options.name ?? 'rialto-js', version: VERSION };
    this.connection = new Connection(environment, settings, identity, {
      recover: () => this.serverSide.recover(),
      connected: ({ time }) => {
        if (time !== undefined) this.clockOffsetMs = time - environment.now();
        else this.clockOffsetMs ??= Date.now() - environment.now();
      },
      ready: (wire, { subs = {} }) => {
        this.serverSide.accept(subs);
        // A handler may have ended the connection meanwhile.
        if (!wire.isOpen) return;
        this.subscriptions.attach(wire);
        this.requests.attach(wire);
      },
      lost: () => {
        this.subscriptions.detach();
        this.requests.detach();
      },
      push: (push) => this.push(push),
      state: (state) => this.stateChanged(state),
    });
    this.newUuid = uuid7Factory(() => this.serverNow(), environment.randomBytes);
  }

  // ---- the connection ----

  /** Where the connection stands now. */
  get state(): ConnectionState {
    return this.connection.state;
  }

  get isConnected(): boolean {
    return this.state.name === 'connected';
  }

  /** Begins to connect, and comes back by itself from then on. Skips the rest of a pause when it is already trying. */
  connect(): this {
    if (this.state.name === 'closed') throw this.closed();
    this.connection.connect();
    return this;
  }

  /** Waits until connected, however often it takes; rejects with `closed` when that will never be by itself. */
  async connected(signal?: AbortSignal): Promise<void> {
    if (this.isConnected) return;
    if (!willRetry(this.state)) throw this.closed();
    await new Promise<void>((resolve, reject) => {
      const stop = this.on('state', ({ state }) => {
        if (state.name === 'connected') done(resolve);
        else if (!willRetry(state)) done(() => reject(this.closed()));
      });
      const done = (settle: () => void): void => {
        stop();
        signal?.removeEventListener('abort', aborted);
        settle();
      };
      const aborted = (): void => done(() => reject(new RialtoError('aborted', { cause: signal?.reason })));
      if (signal?.aborted === true) aborted();
      else signal?.addEventListener('abort', aborted, { once: true });
    });
  }

  /** Ends the connection and stays away until `connect`. Subscriptions and their positions are kept; calls that wait are rejected. */
  suspend(text = 'suspended by its owner'): void {
    if (willRetry(this.state)) this.connection.end('suspended', { code: REASONS.byOwner, text });
  }

  /** Makes the connection anew because something outside says that it is dead: a browser's `offline` event. */
  suspect(text: string): void {
    this.connection.suspect(text);
  }

  /** Lets calls that are under way end, for a limited time, then closes for ever. */
  close(): Promise<void> {
    this.closing ??= this.shut();
    return this.closing;
  }

  private async shut(): Promise<void> {
    if (this.isConnected && this.requests.size > 0) {
      let timer: unknown;
      const late = new Promise<void>((resolve) => {
        timer = this.environment.setTimer(resolve, CLOSE_WITHIN_MS);
      });
      await Promise.race([this.requests.drained(), late]);
      this.environment.clearTimer(timer);
    }
    this.connection.end('closed', { code: REASONS.byOwner, text: 'closed by its owner' });
  }

  private stateChanged(state: ConnectionState): void {
    if (!willRetry(state)) this.requests.failAll(this.closed());
    if (state.name === 'closed') this.subscriptions.end(state.reason);
    this.hub.emit({ type: 'state', state });
    if (state.name === 'closed') this.hub.end();
  }

  private closed(): RialtoError {
    const reason: Reason | null = 'reason' in this.state ? this.state.reason : null;
    return new RialtoError('closed', { detail: reason?.text ?? '', number: reason?.code ?? 0, outcomeUnknown: true });
  }

  // ---- hearing ----

  /** Calls the handler for each event of a type. Answers a function that ends this. */
  on<Type extends ClientEvent['type']>(type: Type, handler: (event: Extract<ClientEvent, { readonly type: Type }>) => void): () => void {
    return this.hub.on(type, handler);
  }

  /** All events from now on, in a bounded stream: read it steadily, see `lagged`. */
  events(signal?: AbortSignal): AsyncIterableIterator<ClientEvent | Lagged> {
    return this.hub.stream(signal);
  }

  private push(push: Push): void {
    if (push.message !== undefined) this.hub.emit({ type: 'message', data: push.message.data });
    else if (!this.serverSide.push(push)) this.subscriptions.push(push);
  }

  // ---- channels ----

  /** Listens to any channel until its `unsubscribe`, over all connections. */
  subscribe(channel: string, options: SubscribeOptions = {}): Subscription {
    if (this.state.name === 'closed') throw this.closed();
    return this.subscriptions.add(named(channel), options);
  }

  /** Listens to a conversation. Its events come as `conversation`. */
  watch(conversation: ConversationId, options: SubscribeOptions = {}): Subscription {
    return this.subscribe(conversationChannel(conversation), options);
  }

  /** The subscription of a channel that is listened to. */
  subscription(channel: string): Subscription | undefined {
    return this.subscriptions.get(channel);
  }

  /** Publishes into a topic. Not repeated by itself: a topic has no ids to tell a repeat by. */
  async publish(channel: string, data: unknown, options?: CallOptions): Promise<void> {
    await this.call(() => ({ publish: { channel: named(channel), data } }), 'once', options);
  }

  /** Who is on a channel: connection id → who. */
  async presence(channel: string, options?: CallOptions): Promise<Readonly<Record<string, ClientInfo>>> {
    const { presence } = await this.call(() => ({ presence: { channel: named(channel) } }), 'safe', options);
    return presence?.presence ?? {};
  }

  /** How many connections and how many different users are on a channel. */
  async presenceStats(channel: string, options?: CallOptions): Promise<{ readonly clients: number; readonly users: number }> {
    const { presence_stats: stats } = await this.call(() => ({ presence_stats: { channel: named(channel) } }), 'safe', options);
    return { clients: stats?.num_clients ?? 0, users: stats?.num_users ?? 0 };
  }

  /** Reads a channel's stream. */
  async history(channel: string, { limit = 0, since, reverse = false, ...options }: HistoryOptions = {}): Promise<History> {
    const body = { channel: named(channel), limit, ...(since === undefined ? {} : { since }), ...(reverse ? { reverse: true as const } : {}) };
    const { history } = await this.call(() => ({ history: body }), 'safe', options);
    return { publications: history?.publications ?? [], position: { offset: history?.offset ?? 0, epoch: history?.epoch ?? '' } };
  }

  // ---- calls ----

  /** Calls any rpc method once: when the connection breaks before the answer, it rejects with `interrupted`. */
  rpc<M extends keyof Methods>(method: M, body: Methods[M]['body'], options?: CallOptions): Promise<Methods[M]['answer']>;
  rpc(method: string, body: unknown, options?: CallOptions): Promise<unknown>;
  rpc(method: string, body: unknown, options?: CallOptions): Promise<unknown> {
    return this.remote(method, () => body, 'once', options);
  }

  /** Calls any rpc method, and again when no answer comes. Only for what reads, or carries a `client_id`. */
  rpcIdempotent<M extends keyof Methods>(method: M, body: Methods[M]['body'], options?: CallOptions): Promise<Methods[M]['answer']>;
  rpcIdempotent(method: string, body: unknown, options?: CallOptions): Promise<unknown>;
  rpcIdempotent(method: string, body: unknown, options?: CallOptions): Promise<unknown> {
    return this.remote(method, () => body, 'safe', options);
  }

  /** The server's clock as far as we know it, in milliseconds since 1970; our own before the first connection. */
  serverNow(): number {
    return this.clockOffsetMs === null ? Date.now() : this.environment.now() + this.clockOffsetMs;
  }

  /** A new id for something that appends: a UUIDv7 dated by the server's clock, which the first connection tells. */
  newClientId(): string {
    if (this.clockOffsetMs === null) throw new RialtoError('not_connected', { detail: 'the server’s clock is not known before the first connection' });
    return this.newUuid();
  }

  protected override request<M extends keyof Methods>(method: M, body: () => Methods[M]['body'], retry: Retry, options?: CallOptions): Promise<Methods[M]['answer']> {
    return this.remote(method, body, retry, options) as Promise<Methods[M]['answer']>;
  }

  private async remote(method: string, body: () => unknown, retry: Retry, options?: CallOptions): Promise<unknown> {
    if (method.length > LIMITS.methodBytesMax) throw new RialtoError('misuse', { detail: 'method name too long' });
    const reply = await this.call(() => ({ rpc: { method, data: body() } }), retry, options);
    return reply.rpc?.data ?? {};
  }

  private call(...[make, retry, options]: Parameters<Requests['add']>): ReturnType<Requests['add']> {
    if (!willRetry(this.state) || this.closing !== null) return Promise.reject(this.closed());
    return this.requests.add(make, retry, options);
  }
}
