import type { ClientInfo, Position, Publication, SubscribeResult } from './frames.ts';

/** How a (re)subscription ended up relative to what the listener knew. */
export interface SubscribedContext {
  /** True when the listener knew an earlier position and the gap could not be filled: reload the state. */
  lost: boolean;
  /** True when an earlier position was carried on without a gap. */
  recovered: boolean;
  position: Position | null;
}

/** What the owner of a channel is told. */
export interface Listener {
  subscribed?(context: SubscribedContext): void;
  publication?(data: unknown, offset: number | undefined): void;
  join?(info: ClientInfo): void;
  leave?(info: ClientInfo): void;
  /** The connection or the subscription is gone for now; it will be retried. */
  interrupted?(): void;
  /** The subscription ended for good. */
  unsubscribed?(code: number, reason: string): void;
}

/** What became of one publication against the known position. */
export type Verdict = 'delivered' | 'duplicate' | 'gap';

/**
 * One channel's position and listener. It guarantees that publications with an offset reach the listener exactly once
 * and in order: repeats are dropped, and a hole is reported as `gap` instead of being passed over.
 */
export class Subscription {
  state: 'idle' | 'subscribing' | 'subscribed' = 'idle';
  position: Position | null = null;
  attempt = 0;
  timer: number | null = null;

  constructor(
    readonly channel: string,
    readonly listener: Listener,
    readonly options: { readonly joinLeave: boolean; readonly serverSide: boolean },
  ) {}

  request(): Record<string, unknown> {
    const request: Record<string, unknown> = { channel: this.channel };
    if (this.options.joinLeave) request['join_leave'] = true;
    if (this.position !== null) Object.assign(request, { recover: true, ...this.position });
    return request;
  }

  accept(result: SubscribeResult): void {
    const before = this.position;
    const epoch = result.epoch ?? '';
    const recovered = result.recovered === true;
    this.state = 'subscribed';
    this.attempt = 0;
    const isContinued = before !== null && recovered && (before.epoch === '' || before.epoch === epoch);
    if (isContinued) {
      this.position = { offset: before.offset, epoch };
      for (const publication of result.publications ?? []) this.take(publication);
    } else {
      const offset = result.offset ?? 0;
      this.position = result.epoch === undefined && result.offset === undefined ? null : { offset, epoch };
    }
    this.listener.subscribed?.({ lost: before !== null && !isContinued, recovered: isContinued, position: this.position });
  }

  take(publication: Publication): Verdict {
    const { offset } = publication;
    if (offset !== undefined && offset > 0 && this.position !== null) {
      if (offset <= this.position.offset) return 'duplicate';
      if (offset > this.position.offset + 1) return 'gap';
      this.position = { offset, epoch: this.position.epoch };
    }
    this.listener.publication?.(publication.data, offset);
    return 'delivered';
  }

  interrupt(): void {
    if (this.state === 'subscribed') this.listener.interrupted?.();
    this.state = 'idle';
  }
}
