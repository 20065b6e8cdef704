import { backoffMs } from './backoff.ts';
import {
  CLOSE_INVALID_TOKEN, ERROR_ALREADY_SUBSCRIBED, ERROR_TOKEN_EXPIRED, isRetryableError, shouldReconnect, shouldResubscribe,
  UNSUBSCRIBE_STATE_INVALIDATED,
} from './codes.ts';
import type { Environment, Socket } from './environment.ts';
import { CommandError } from './error.ts';
import { framesOf, isPing, parseFrame } from './frames.ts';
import type { ClientInfo, ConnectResult, Push, RefreshResult, Reply, SubscribeResult } from './frames.ts';
import {
  COMMAND_TIMEOUT_MS, HANDSHAKE_TIMEOUT_MS, OPEN_TIMEOUT_MS, PENDING_MAX, PING_GRACE_MS, REFRESH_AHEAD_MS, REFRESH_RETRY_MS,
} from './limits.ts';
import { Subscription } from './subscription.ts';
import type { Listener } from './subscription.ts';

/** What the connection is doing, for people to see. */
export interface Status {
  readonly state: 'disconnected' | 'connecting' | 'connected';
  /** Failed attempts since the last good connection. */
  readonly attempt: number;
  /** When the next attempt starts (client clock, ms), or null while one is running. */
  readonly retryAt: number | null;
  /** Why the last connection ended; 0 when it never did. */
  readonly code: number;
  readonly reason: string;
}

/** What became of a command: exactly one of the two is given. */
type Done = (error: CommandError | null, reply: Reply) => void;

interface Pending {
  done: Done;
  timer: number;
}

export interface ClientOptions {
  readonly name: string;
  onStatus(status: Status): void;
  /** Listener for a channel the server subscribes us to by itself. */
  serverSide(channel: string): Listener;
}

/**
 * A Centrifuge-protocol client over JSON frames: connects, stays connected, keeps subscriptions with their positions,
 * answers pings and correlates commands with replies. It never touches a global: socket, time and chance come in.
 */
export class RealtimeClient {
  private status: Status = { state: 'disconnected', attempt: 0, retryAt: null, code: 0, reason: '' };
  private socket: Socket | null = null;
  private attemptId = 0;
  private lastCommandId = 0;
  private pending = new Map<number, Pending>();
  private outgoing: string[] = [];
  private subscriptions = new Map<string, Subscription>();
  private retryTimer: number | null = null;
  private openTimer: number | null = null;
  private idleTimer: number | null = null;
  private refreshTimer: number | null = null;
  private silenceMs = 0;
  private answersPings = false;
  private needsFreshToken = false;
  private triedFreshToken = false;
  private clockOffsetMs = 0;

  constructor(private readonly environment: Environment, private readonly options: ClientOptions) {}

  get isConnected(): boolean {
    return this.status.state === 'connected';
  }

  /** The server's clock as far as we know it, in milliseconds since 1970. */
  serverNow(): number {
    return this.environment.now() + this.clockOffsetMs;
  }

  connect(): void {
    if (this.status.state !== 'disconnected') return;
    this.triedFreshToken = false;
    this.setStatus({ state: 'connecting', attempt: 0, retryAt: null, code: 0, reason: '' });
    void this.attempt();
  }

  /** Ends the connection and stays away until `connect`. Subscriptions keep their positions. */
  disconnect(reason = 'client'): void {
    if (this.status.state === 'disconnected') return;
    this.end(0, reason);
  }

  /** Skips the rest of a reconnect delay, for example when the network came back. */
  retryNow(): void {
    if (this.status.state === 'disconnected') this.connect();
    if (this.retryTimer === null) return;
    this.stopTimer('retryTimer');
    void this.attempt();
  }

  /** Gives the present connection up because something outside says that it is dead (the network went away). */
  suspect(reason: string): void {
    if (this.socket !== null) this.lose(0, reason);
  }

  subscribe(channel: string, listener: Listener, options: { joinLeave?: boolean } = {}): Subscription {
    const known = this.subscriptions.get(channel);
    if (known !== undefined) throw new Error(`already subscribed to ${channel}`);
    const subscription = new Subscription(channel, listener, { joinLeave: options.joinLeave === true, serverSide: false });
    this.subscriptions.set(channel, subscription);
    if (this.isConnected) this.sendSubscribe(subscription);
    return subscription;
  }

  unsubscribe(channel: string): void {
    const subscription = this.subscriptions.get(channel);
    if (subscription === undefined) return;
    this.subscriptions.delete(channel);
    this.stopSubscriptionTimer(subscription);
    if (this.isConnected && subscription.state !== 'idle') this.command({ unsubscribe: { channel } }, COMMAND_TIMEOUT_MS, () => undefined);
  }

  async rpc(method: string, data: unknown): Promise<unknown> {
    if (!this.isConnected) throw CommandError.disconnected();
    const reply = await this.send({ rpc: { method, data } });
    return reply.rpc?.data ?? {};
  }

  async presence(channel: string): Promise<Record<string, ClientInfo>> {
    if (!this.isConnected) throw CommandError.disconnected();
    const reply = await this.send({ presence: { channel } });
    return reply.presence?.presence ?? {};
  }

  // ---- connecting ----

  private async attempt(): Promise<void> {
    const attemptId = ++this.attemptId;
    this.setStatus({ ...this.status, state: 'connecting', retryAt: null });
    let token: string | null;
    try {
      const isForced = this.needsFreshToken;
      token = await this.environment.token(isForced);
      if (isForced) this.needsFreshToken = false;
    } catch {
      if (attemptId === this.attemptId) this.lose(0, 'no token');
      return;
    }
    if (attemptId !== this.attemptId) return;
    if (token === null) {
      this.end(CLOSE_INVALID_TOKEN, 'signed out');
      return;
    }
    this.open(token);
  }

  private open(token: string): void {
    const socket = this.environment.openSocket();
    this.socket = socket;
    this.openTimer = this.environment.setTimer(() => this.lose(0, 'no answer'), OPEN_TIMEOUT_MS);
    const isCurrent = (): boolean => this.socket === socket;
    socket.onopen = () => {
      if (!isCurrent()) return;
      this.stopTimer('openTimer');
      this.sendConnect(token);
    };
    socket.onmessage = (event) => {
      if (isCurrent() && typeof event.data === 'string') this.receive(event.data);
    };
    socket.onclose = (event) => {
      if (isCurrent()) this.lose(event.code, event.reason);
    };
    socket.onerror = null;
  }

  private sendConnect(token: string): void {
    const subs: Record<string, unknown> = {};
    for (const { channel, options, position } of this.subscriptions.values()) {
      if (options.serverSide && position !== null) subs[channel] = { recover: true, ...position };
    }
    const connect: Record<string, unknown> = { token, name: this.options.name };
    if (Object.keys(subs).length > 0) connect['subs'] = subs;
    const { socket } = this;
    this.command({ connect }, HANDSHAKE_TIMEOUT_MS, (error, reply) => {
      if (this.socket !== socket) return;
      if (error === null) this.connected(reply.connect ?? { client: '' });
      else this.refused(error);
    });
  }

  private connected(result: ConnectResult): void {
    this.answersPings = result.pong === true;
    this.silenceMs = result.ping === undefined || result.ping === 0 ? 0 : result.ping * 1000 + PING_GRACE_MS;
    if (result.time !== undefined) this.clockOffsetMs = result.time - this.environment.now();
    this.triedFreshToken = false;
    this.touch();
    this.scheduleRefresh(result);
    this.setStatus({ state: 'connected', attempt: 0, retryAt: null, code: 0, reason: '' });
    this.acceptServerSide(result.subs ?? {});
    for (const subscription of this.subscriptions.values()) {
      if (!subscription.options.serverSide && subscription.state === 'idle') this.sendSubscribe(subscription);
    }
  }

  private acceptServerSide(subs: Record<string, SubscribeResult>): void {
    for (const [channel, result] of Object.entries(subs)) this.serverSubscription(channel).accept(result);
    for (const [channel, subscription] of this.subscriptions) {
      if (!subscription.options.serverSide || channel in subs) continue;
      this.subscriptions.delete(channel);
      subscription.listener.unsubscribed?.(0, 'no longer subscribed by the server');
    }
  }

  private serverSubscription(channel: string): Subscription {
    let subscription = this.subscriptions.get(channel);
    if (subscription === undefined) {
      subscription = new Subscription(channel, this.options.serverSide(channel), { joinLeave: false, serverSide: true });
      this.subscriptions.set(channel, subscription);
    }
    return subscription;
  }

  /** An error reply to connect. */
  private refused(error: CommandError): void {
    if (error.code === ERROR_TOKEN_EXPIRED) this.needsFreshToken = true;
    if (isRetryableError(error.code, error.temporary)) this.lose(error.code > 0 ? error.code : 0, error.message, true);
    else this.end(error.code, error.message);
  }

  // ---- losing the connection ----

  private lose(code: number, reason: string, isRetryable = shouldReconnect(code)): void {
    // A key rotation or a revoked session looks alike from here: one fresh token decides which it was.
    const mayRetryFresh = code === CLOSE_INVALID_TOKEN && !this.triedFreshToken;
    if (!isRetryable && !mayRetryFresh) {
      this.end(code, reason);
      return;
    }
    if (mayRetryFresh) {
      this.triedFreshToken = true;
      this.needsFreshToken = true;
    }
    this.drop(reason);
    const delayMs = backoffMs(this.status.attempt, this.environment.random());
    const retryAt = this.environment.now() + delayMs;
    this.retryTimer = this.environment.setTimer(() => {
      this.retryTimer = null;
      void this.attempt();
    }, delayMs);
    this.setStatus({ state: 'connecting', attempt: this.status.attempt + 1, retryAt, code, reason });
  }

  private end(code: number, reason: string): void {
    this.drop(reason);
    this.setStatus({ state: 'disconnected', attempt: 0, retryAt: null, code, reason });
  }

  private drop(reason: string): void {
    this.attemptId += 1;
    const { socket } = this;
    this.socket = null;
    for (const timer of ['retryTimer', 'openTimer', 'idleTimer', 'refreshTimer'] as const) this.stopTimer(timer);
    if (socket !== null) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close(1000, reason.slice(0, 100));
    }
    this.outgoing = [];
    const abandoned = [...this.pending.values()];
    this.pending.clear();
    for (const command of abandoned) {
      this.environment.clearTimer(command.timer);
      command.done(CommandError.disconnected(), {});
    }
    for (const subscription of this.subscriptions.values()) {
      this.stopSubscriptionTimer(subscription);
      subscription.interrupt();
    }
  }

  // ---- commands ----

  /** Sends a command; `done` runs in the very turn in which its reply is read, so that order within a frame holds. */
  private command(command: Record<string, unknown>, timeoutMs: number, done: Done): void {
    if (this.socket === null || this.pending.size >= PENDING_MAX) {
      done(CommandError.disconnected(), {});
      return;
    }
    const id = ++this.lastCommandId;
    const timer = this.environment.setTimer(() => {
      this.pending.delete(id);
      done(CommandError.timeout(), {});
    }, timeoutMs);
    this.pending.set(id, { done, timer });
    this.write(JSON.stringify({ id, ...command }));
  }

  private send(command: Record<string, unknown>): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.command(command, COMMAND_TIMEOUT_MS, (error, reply) => {
        if (error === null) resolve(reply);
        else reject(error);
      });
    });
  }

  /** Commands of one turn of the event loop share a frame. */
  private write(line: string): void {
    this.outgoing.push(line);
    if (this.outgoing.length > 1) return;
    queueMicrotask(() => {
      const lines = this.outgoing;
      this.outgoing = [];
      for (const frame of framesOf(lines)) this.socket?.send(frame);
    });
  }

  private sendSubscribe(subscription: Subscription): void {
    subscription.state = 'subscribing';
    const { channel } = subscription;
    const { socket } = this;
    this.command({ subscribe: subscription.request() }, HANDSHAKE_TIMEOUT_MS, (error, reply) => {
      if (this.socket !== socket || this.subscriptions.get(channel) !== subscription) return;
      if (error === null) subscription.accept(reply.subscribe ?? {});
      else this.subscribeFailed(subscription, error);
    });
  }

  private subscribeFailed(subscription: Subscription, error: CommandError): void {
    subscription.state = 'idle';
    if (error.isUnknown) {
      // The server may or may not hold the subscription now; only a new connection is a clean slate.
      this.lose(0, 'subscribe timeout');
    } else if (error.code === ERROR_ALREADY_SUBSCRIBED) {
      this.resubscribe(subscription);
    } else if (isRetryableError(error.code, error.temporary)) {
      const delayMs = backoffMs(subscription.attempt, this.environment.random());
      subscription.attempt += 1;
      subscription.timer = this.environment.setTimer(() => {
        subscription.timer = null;
        if (this.isConnected) this.sendSubscribe(subscription);
      }, delayMs);
    } else {
      this.subscriptions.delete(subscription.channel);
      subscription.listener.unsubscribed?.(error.code, error.message);
    }
  }

  private resubscribe(subscription: Subscription): void {
    subscription.interrupt();
    this.command({ unsubscribe: { channel: subscription.channel } }, COMMAND_TIMEOUT_MS, () => undefined);
    this.sendSubscribe(subscription);
  }

  // ---- receiving ----

  private receive(text: string): void {
    this.touch();
    let replies: Reply[];
    try {
      replies = parseFrame(text);
    } catch {
      this.lose(0, 'unreadable frame');
      return;
    }
    const { socket } = this;
    for (const reply of replies) {
      // A listener may have dropped the connection: what follows in the frame belongs to nobody then.
      if (this.socket !== socket) return;
      if (reply.id !== undefined && reply.id > 0) this.settle(reply.id, reply);
      else if (reply.push !== undefined) this.push(reply.push);
      else if (isPing(reply) && this.answersPings) this.socket?.send('{}');
    }
  }

  private settle(id: number, reply: Reply): void {
    const command = this.pending.get(id);
    if (command === undefined) return;
    this.pending.delete(id);
    this.environment.clearTimer(command.timer);
    if (reply.error === undefined) {
      command.done(null, reply);
    } else {
      const { code, message, temporary } = reply.error;
      command.done(new CommandError(code, message ?? '', temporary === true), reply);
    }
  }

  private push(push: Push): void {
    if (push.disconnect !== undefined) {
      this.lose(push.disconnect.code, push.disconnect.reason ?? '');
      return;
    }
    const channel = push.channel ?? '';
    if (push.subscribe !== undefined) {
      this.serverSubscription(channel).accept(push.subscribe);
      return;
    }
    const subscription = this.subscriptions.get(channel);
    if (subscription === undefined || subscription.state !== 'subscribed') return;
    if (push.pub !== undefined) this.publication(subscription, push.pub);
    else if (push.join !== undefined) subscription.listener.join?.(push.join.info);
    else if (push.leave !== undefined) subscription.listener.leave?.(push.leave.info);
    else if (push.unsubscribe !== undefined) this.unsubscribed(subscription, push.unsubscribe);
  }

  private publication(subscription: Subscription, publication: { data: unknown; offset?: number }): void {
    if (subscription.take(publication) !== 'gap') return;
    if (!subscription.options.serverSide) {
      this.resubscribe(subscription);
      return;
    }
    // We cannot subscribe again ourselves: go on from here and have the listener load its state anew.
    const position = { offset: publication.offset ?? 0, epoch: subscription.position?.epoch ?? '' };
    subscription.position = position;
    subscription.listener.publication?.(publication.data, publication.offset);
    subscription.listener.subscribed?.({ lost: true, recovered: false, position });
  }

  private unsubscribed(subscription: Subscription, { code = 0, reason = '' }: { code?: number; reason?: string }): void {
    if (code === UNSUBSCRIBE_STATE_INVALIDATED) subscription.position = null;
    if (shouldResubscribe(code) && !subscription.options.serverSide) {
      subscription.interrupt();
      this.sendSubscribe(subscription);
      return;
    }
    this.subscriptions.delete(subscription.channel);
    subscription.listener.unsubscribed?.(code, reason);
  }

  // ---- timers ----

  private touch(): void {
    this.stopTimer('idleTimer');
    if (this.silenceMs === 0 || this.socket === null) return;
    this.idleTimer = this.environment.setTimer(() => this.lose(0, 'no ping'), this.silenceMs);
  }

  private scheduleRefresh({ expires, ttl }: RefreshResult): void {
    this.stopTimer('refreshTimer');
    if (expires !== true || ttl === undefined) return;
    const lifeMs = ttl * 1000;
    this.refreshTimer = this.environment.setTimer(() => void this.refresh(), Math.max(lifeMs - REFRESH_AHEAD_MS, lifeMs / 2));
  }

  private async refresh(): Promise<void> {
    const { socket } = this;
    try {
      const token = await this.environment.token(true);
      if (this.socket !== socket || socket === null) return;
      if (token === null) {
        this.end(CLOSE_INVALID_TOKEN, 'signed out');
        return;
      }
      const reply = await this.send({ refresh: { token } });
      if (this.socket === socket) this.scheduleRefresh(reply.refresh ?? {});
    } catch (error) {
      if (this.socket !== socket) return;
      if (error instanceof CommandError && !error.temporary) {
        this.needsFreshToken = true;
        this.lose(0, 'token refused');
        return;
      }
      const delayMs = REFRESH_RETRY_MS * (1 + this.environment.random());
      this.refreshTimer = this.environment.setTimer(() => void this.refresh(), delayMs);
    }
  }

  private stopTimer(name: 'retryTimer' | 'openTimer' | 'idleTimer' | 'refreshTimer'): void {
    if (this[name] !== null) this.environment.clearTimer(this[name]);
    this[name] = null;
  }

  private stopSubscriptionTimer(subscription: Subscription): void {
    if (subscription.timer !== null) this.environment.clearTimer(subscription.timer);
    subscription.timer = null;
  }

  private setStatus(status: Status): void {
    this.status = status;
    this.options.onStatus(status);
  }
}
