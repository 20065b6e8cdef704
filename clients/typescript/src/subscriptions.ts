import { pauseMs } from './backoff.ts';
import type { Environment } from './environment.ts';
import { RialtoError, Unauthorized } from './error.ts';
import { eventOf } from './event.ts';
import type { ChannelEvent } from './event.ts';
import type { Push } from './frames.ts';
import { Hub } from './hub.ts';
import { REFRESH_AHEAD_MS_MAX, REFRESH_RETRY_MS, SUBSCRIPTIONS_MAX, TOKEN_WITHIN_MS } from './limits.ts';
import type { Settings } from './limits.ts';
import { UNSUBSCRIBE_CODES } from './protocol/codes.ts';
import type { Publication, RefreshResult, SubscribeResult } from './protocol/types.ts';
import { REASONS } from './state.ts';
import type { Reason } from './state.ts';
import { moved, place, Subscription, tracked } from './subscription.ts';
import type { SubscribeOptions } from './subscription.ts';
import { fetchToken, isRenewable, renewInMs } from './token.ts';
import type { Wire } from './wire.ts';

/** From this unsubscribe code on the client subscribes again by itself. */
const RESUBSCRIBE_MIN = 2500;
/** Unsubscribe code: the position and the token are void. */
const STATE_INVALIDATED = 2502;
const TOKEN_EXPIRED = 109;

/** What the subscriptions need of the client that they belong to. */
export interface Owner {
  readonly environment: Environment;
  readonly settings: Settings;
  emit(event: ChannelEvent): void;
  report(error: unknown): void;
  /** The connection is of no use any more. */
  giveUp(reason: Reason): void;
}

/** The channels that the owner listens to, kept over all connections, resumed where they stood, healed when publications are missing. */
export class Subscriptions {
  private readonly all = new Map<string, Subscription>();
  private wire: Wire | null = null;

  constructor(private readonly owner: Owner) {}

  get(channel: string): Subscription | undefined {
    return this.all.get(channel);
  }

  add(channel: string, options: SubscribeOptions): Subscription {
    if (this.all.has(channel)) throw new RialtoError('misuse', { detail: `already subscribed to ${channel}` });
    if (this.all.size >= SUBSCRIPTIONS_MAX) throw new RialtoError('queue_full');
    const hub = new Hub<ChannelEvent>(this.owner.settings.eventsMax, (error) => this.owner.report(error));
    const subscription = new Subscription(channel, options, hub, (leaving) => this.leave(leaving));
    this.all.set(channel, subscription);
    if (this.wire !== null) this.ask(subscription);
    return subscription;
  }

  /** A connection stands: every channel is taken up where it stood. */
  attach(wire: Wire): void {
    this.wire = wire;
    for (const subscription of [...this.all.values()]) this.ask(subscription);
  }

  /** The connection is gone. */
  detach(): void {
    this.wire = null;
    for (const subscription of this.all.values()) {
      this.stopTimers(subscription);
      subscription.state.phase = 'idle';
    }
  }

  /** The client is closed: nothing is listened to any more. */
  end(reason: Reason): void {
    for (const subscription of [...this.all.values()]) this.finish(subscription, reason, new RialtoError('closed', { detail: reason.text }));
  }

  /** A push on one of these channels; false when it is on none. */
  push(push: Push): boolean {
    const subscription = this.all.get(push.channel ?? '');
    if (subscription === undefined) return false;
    if (push.pub !== undefined) this.publication(subscription, push.pub);
    else if (push.join !== undefined) this.emit(subscription, { type: 'joined', channel: subscription.channel, info: push.join.info });
    else if (push.leave !== undefined) this.emit(subscription, { type: 'left', channel: subscription.channel, info: push.leave.info });
    else if (push.unsubscribe !== undefined) this.unsubscribed(subscription, push.unsubscribe);
    return true;
  }

  private emit(subscription: Subscription, event: ChannelEvent): void {
    subscription.hub.emit(event);
    this.owner.emit(event);
  }

  // ---- subscribing ----

  /** Subscribes, or fetches the token for it first. */
  private ask(subscription: Subscription): void {
    const { wire } = this;
    const { state, options } = subscription;
    if (wire === null) return;
    if (options.token !== undefined && state.token === null) {
      void this.askToken(subscription);
      return;
    }
    state.phase = 'subscribing';
    const turn = (state.turn += 1);
    wire.command({ subscribe: subscription.request() }, (error, reply) => {
      if (this.wire !== wire || state.turn !== turn || state.phase !== 'subscribing') return;
      this.owner.environment.clearTimer(state.timer);
      if (error === null) this.accepted(subscription, reply.subscribe ?? {});
      else this.refused(subscription, error);
    });
    // The server may or may not hold the subscription then; only a new connection is a clean slate.
    state.timer = this.owner.environment.setTimer(
      () => this.owner.giveUp({ code: REASONS.noReply, text: 'no reply to subscribe in time' }), this.owner.settings.replyWithinMs);
  }

  private async askToken(subscription: Subscription): Promise<void> {
    const { state, options } = subscription;
    state.phase = 'fetching';
    const turn = (state.turn += 1);
    const isCurrent = (): boolean => state.turn === turn && state.phase === 'fetching';
    try {
      const token = await fetchToken(this.owner.environment, options.token ?? '', state.attempts > 0, TOKEN_WITHIN_MS);
      if (!isCurrent()) return;
      state.token = token;
      this.ask(subscription);
    } catch (error) {
      if (!isCurrent()) return;
      if (error instanceof Unauthorized) this.finish(subscription, { code: REASONS.noToken, text: error.message }, error);
      else this.pause(subscription);
    }
  }

  private accepted(subscription: Subscription, result: SubscribeResult): void {
    const { state, channel } = subscription;
    const wasRecovering = result.was_recovering === true;
    const recovered = result.recovered === true;
    const position = { offset: result.offset ?? 0, epoch: result.epoch ?? '' };
    state.phase = 'live';
    state.attempts = 0;
    state.position = moved(tracked(result), result.publications);
    this.scheduleRefresh(subscription, result);
    subscription.answered({ wasRecovering, recovered, position });
    this.emit(subscription, { type: 'subscribed', channel, wasRecovering, recovered, position, byServer: false });
    for (const publication of result.publications ?? []) this.emit(subscription, eventOf(channel, publication));
  }

  private refused(subscription: Subscription, error: RialtoError): void {
    const { state, options } = subscription;
    const number = error.number ?? 0;
    const isExpired = number === TOKEN_EXPIRED;
    if (isExpired) state.token = null;
    const mayPass = error.temporary || number < 100 || (isExpired && isRenewable(options.token));
    if (mayPass) this.pause(subscription);
    else this.finish(subscription, { code: number, text: error.message }, error);
  }

  private pause(subscription: Subscription): void {
    const { environment, settings } = this.owner;
    const { state } = subscription;
    const pause = pauseMs(state.attempts, environment.random(), settings.backoffMinMs, settings.backoffMaxMs);
    state.attempts += 1;
    state.phase = 'pausing';
    state.timer = environment.setTimer(() => this.ask(subscription), pause);
  }

  // ---- listening ----

  private publication(subscription: Subscription, publication: Publication): void {
    const { state, channel } = subscription;
    const offset = publication.offset ?? 0;
    // Before the subscribe reply only what has no number is news: the rest comes again with it.
    if (state.phase !== 'live' && offset !== 0) return;
    const verdict = place(state.position, offset);
    state.position = verdict.position;
    if (verdict.place === 'next') this.emit(subscription, eventOf(channel, publication));
    if (verdict.place !== 'gap') return;
    this.wire?.command({ unsubscribe: { channel } }, () => undefined);
    this.stopTimers(subscription);
    this.ask(subscription);
  }

  private unsubscribed(subscription: Subscription, { code = 0, reason: text = '' }: { readonly code?: number; readonly reason?: string }): void {
    const { state, channel } = subscription;
    const reason = { code, text };
    const known = (UNSUBSCRIBE_CODES as Readonly<Record<number, { readonly resubscribe: boolean }>>)[code];
    const willRetry = known?.resubscribe ?? code >= RESUBSCRIBE_MIN;
    if (!willRetry) {
      this.finish(subscription, reason, new RialtoError('closed', { detail: text, number: code }));
      return;
    }
    if (code === STATE_INVALIDATED) {
      state.position = null;
      state.token = null;
    }
    this.stopTimers(subscription);
    this.emit(subscription, { type: 'unsubscribed', channel, reason, willRetry });
    this.ask(subscription);
  }

  private leave(subscription: Subscription): void {
    const { channel, state } = subscription;
    if (state.phase === 'ended') return;
    if (state.phase === 'live' || state.phase === 'subscribing') this.wire?.command({ unsubscribe: { channel } }, () => undefined);
    const reason = { code: REASONS.byOwner, text: 'unsubscribed by its owner' };
    this.finish(subscription, reason, new RialtoError('closed', { detail: reason.text }));
  }

  /** The subscription is over for good. */
  private finish(subscription: Subscription, reason: Reason, error: RialtoError): void {
    const { channel, state } = subscription;
    this.stopTimers(subscription);
    state.phase = 'ended';
    this.all.delete(channel);
    subscription.answered(error);
    this.emit(subscription, { type: 'unsubscribed', channel, reason, willRetry: false });
    subscription.hub.end();
  }

  // ---- subscription tokens ----

  private scheduleRefresh(subscription: Subscription, { expires, ttl = 0 }: RefreshResult): void {
    const { environment } = this.owner;
    const { state, options } = subscription;
    environment.clearTimer(state.refreshTimer);
    if (expires !== true || ttl === 0 || !isRenewable(options.token)) return;
    state.refreshTimer = environment.setTimer(() => void this.refresh(subscription), renewInMs(ttl, REFRESH_AHEAD_MS_MAX));
  }

  private async refresh(subscription: Subscription): Promise<void> {
    const { environment } = this.owner;
    const { state, channel, options } = subscription;
    const { wire } = this;
    const later = (): void => {
      state.refreshTimer = environment.setTimer(() => void this.refresh(subscription), REFRESH_RETRY_MS * (1 + environment.random()));
    };
    try {
      const token = await fetchToken(environment, options.token ?? '', true, TOKEN_WITHIN_MS);
      if (this.wire !== wire || wire === null || state.phase !== 'live') return;
      state.token = token;
      wire.command({ sub_refresh: { channel, token } }, (error, reply) => {
        if (this.wire !== wire || state.phase !== 'live') return;
        if (error === null) this.scheduleRefresh(subscription, reply.sub_refresh ?? {});
        else if (error.temporary) later();
        else this.finish(subscription, { code: error.number ?? 0, text: error.message }, error);
      });
    } catch (error) {
      if (this.wire !== wire || state.phase !== 'live') return;
      if (error instanceof Unauthorized) this.finish(subscription, { code: REASONS.noToken, text: error.message }, error);
      else later();
    }
  }

  private stopTimers({ state }: Subscription): void {
    this.owner.environment.clearTimer(state.timer);
    this.owner.environment.clearTimer(state.refreshTimer);
  }
}
