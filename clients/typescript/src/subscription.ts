import { RialtoError } from './error.ts';
import type { ChannelEvent } from './event.ts';
import type { SubscribeCommand } from './frames.ts';
import { Hub } from './hub.ts';
import type { Lagged } from './hub.ts';
import type { Publication, SubscribeResult } from './protocol/types.ts';
import type { Position } from './state.ts';
import type { Token } from './token.ts';

/** How to listen to a channel. */
export interface SubscribeOptions {
  /** For channels that want a subscription token. */
  readonly token?: Token | undefined;
  /** Begin behind this position instead of now: what came since then is brought as events, or `recovered` is false. */
  readonly since?: Position | undefined;
  /** Be told who else subscribes and leaves, where the channel offers it. */
  readonly joinLeave?: boolean | undefined;
}

/** How a first subscribe went. */
export interface Subscribed {
  /** Whether `since` was given, so that a resume was tried. */
  readonly wasRecovering: boolean;
  /** Whether nothing is missing since then. */
  readonly recovered: boolean;
  /** Where the stream stands: behind what was asked for on success, else at its top. */
  readonly position: Position;
}

/** What a publication's offset says about the stream. */
export type Place = 'next' | 'repeat' | 'gap';

/** Compares with the position, and answers what it is from now on; a gap leaves it. */
export function place(position: Position | null, offset: number): { readonly place: Place; readonly position: Position | null } {
  if (position === null || offset === 0) return { place: 'next', position };
  if (offset <= position.offset) return { place: 'repeat', position };
  if (offset > position.offset + 1) return { place: 'gap', position };
  return { place: 'next', position: { offset, epoch: position.epoch } };
}

/** Where the stream stands, for a channel that has one. */
export function tracked(result: SubscribeResult): Position | null {
  if (result.recoverable !== true && result.positioned !== true) return null;
  return { offset: result.offset ?? 0, epoch: result.epoch ?? '' };
}

/** Behind the publications that a subscribe brought. */
export function moved(position: Position | null, publications: readonly Publication[] = []): Position | null {
  const last = publications.at(-1)?.offset ?? 0;
  return position === null || last <= position.offset ? position : { offset: last, epoch: position.epoch };
}

/** Why a subscription's first answer will never come. */
type Ready = { resolve(subscribed: Subscribed): void; reject(error: RialtoError): void };

/**
 * One channel that is listened to, over all connections, until `unsubscribe`: on each new one it resumes where it stood.
 * Its events come once each and in the order of their offsets.
 */
export class Subscription {
  /** Where the stream was last seen; null for channels without one, and before the first answer. Keep it to resume there later. */
  get position(): Position | null {
    return this.state.position;
  }

  /** Whether publications come now. */
  get isLive(): boolean {
    return this.state.phase === 'live';
  }

  /** @internal */
  readonly hub: Hub<ChannelEvent>;
  /** @internal What `Subscriptions` keeps of it. */
  readonly state: {
    phase: 'idle' | 'fetching' | 'subscribing' | 'live' | 'pausing' | 'ended';
    position: Position | null;
    token: string | null;
    attempts: number;
    /** Tells an answer to an earlier subscribe from the one that is awaited. */
    turn: number;
    timer: unknown;
    refreshTimer: unknown;
  };

  private first: Ready[] | null = [];
  private outcome: Subscribed | RialtoError | null = null;

  /** @internal */
  constructor(readonly channel: string, readonly options: SubscribeOptions, hub: Hub<ChannelEvent>, private readonly leave: (subscription: Subscription) => void) {
    this.hub = hub;
    this.state = { phase: 'idle', position: options.since ?? null, token: null, attempts: 0, turn: 0, timer: null, refreshTimer: null };
  }

  /** Resolves at the server's first answer; rejects when it will not let us listen. */
  ready(): Promise<Subscribed> {
    return new Promise((resolve, reject) => {
      if (this.first !== null) this.first.push({ resolve, reject });
      else if (this.outcome instanceof RialtoError) reject(this.outcome);
      else resolve(this.outcome as Subscribed);
    });
  }

  /** Calls the handler for each event of a type on this channel. Answers a function that ends this. */
  on<Type extends ChannelEvent['type']>(type: Type, handler: (event: Extract<ChannelEvent, { readonly type: Type }>) => void): () => void {
    return this.hub.on(type, handler);
  }

  /** All events of this channel from now on, in a bounded stream. */
  events(signal?: AbortSignal): AsyncIterableIterator<ChannelEvent | Lagged> {
    return this.hub.stream(signal);
  }

  /** Listens no more. */
  unsubscribe(): void {
    this.leave(this);
  }

  /** @internal */
  answered(outcome: Subscribed | RialtoError): void {
    const { first } = this;
    if (first === null) return;
    this.first = null;
    this.outcome = outcome;
    for (const { resolve, reject } of first) {
      if (outcome instanceof RialtoError) reject(outcome);
      else resolve(outcome);
    }
  }

  /** @internal */
  request(): SubscribeCommand {
    const { position, token } = this.state;
    return {
      channel: this.channel,
      ...(token === null ? {} : { token }),
      ...(position === null ? {} : { recover: true, epoch: position.epoch, offset: position.offset }),
      positioned: true,
      recoverable: true,
      ...(this.options.joinLeave === true ? { join_leave: true } : {}),
    };
  }
}
