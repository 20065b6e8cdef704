import { eventOf } from './event.ts';
import type { ChannelEvent } from './event.ts';
import type { ConnectCommand, Push } from './frames.ts';
import type { Publication, SubscribeResult } from './protocol/types.ts';
import type { Position } from './state.ts';
import { moved, place, tracked } from './subscription.ts';

/** Unsubscribe code: the server made the subscription and ended it. */
const SERVER_UNSUBSCRIBE = 2000;

/** The channels that the server subscribes us to by itself, such as the inbox; they are recovered through `connect`. */
export class ServerSide {
  private readonly positions = new Map<string, Position | null>();

  constructor(private readonly emit: (event: ChannelEvent) => void) {}

  /** The positions for the next connect. */
  recover(): ConnectCommand['subs'] {
    const known = [...this.positions].filter(([, position]) => position !== null);
    if (known.length === 0) return undefined;
    return Object.fromEntries(known.map(([channel, position]) => [channel, { recover: true as const, epoch: position?.epoch ?? '', offset: position?.offset ?? 0 }]));
  }

  /** What a connect reply says; a channel that is missing from it has ended. */
  accept(subs: Readonly<Record<string, SubscribeResult>>): void {
    for (const channel of [...this.positions.keys()]) {
      if (!(channel in subs)) this.end(channel, { code: SERVER_UNSUBSCRIBE, text: 'server unsubscribe' });
    }
    for (const [channel, result] of Object.entries(subs)) this.subscribed(channel, result);
  }

  /** A push on one of these channels, or one that makes a new one; false when it is neither. */
  push(push: Push): boolean {
    const { channel = '' } = push;
    if (push.subscribe !== undefined) {
      this.subscribed(channel, push.subscribe);
      return true;
    }
    if (!this.positions.has(channel)) return false;
    if (push.pub !== undefined) this.publication(channel, push.pub);
    else if (push.join !== undefined) this.emit({ type: 'joined', channel, info: push.join.info });
    else if (push.leave !== undefined) this.emit({ type: 'left', channel, info: push.leave.info });
    else if (push.unsubscribe !== undefined) this.end(channel, { code: push.unsubscribe.code ?? 0, text: push.unsubscribe.reason ?? '' });
    return true;
  }

  private subscribed(channel: string, result: SubscribeResult): void {
    const position = { offset: result.offset ?? 0, epoch: result.epoch ?? '' };
    this.positions.set(channel, moved(tracked(result), result.publications));
    const wasRecovering = result.was_recovering === true;
    this.emit({ type: 'subscribed', channel, wasRecovering, recovered: result.recovered === true, position, byServer: true });
    for (const publication of result.publications ?? []) this.emit(eventOf(channel, publication));
  }

  private publication(channel: string, publication: Publication): void {
    const known = this.positions.get(channel) ?? null;
    const offset = publication.offset ?? 0;
    const verdict = place(known, offset);
    if (verdict.place === 'repeat') return;
    if (verdict.place === 'gap' && known !== null) {
      // We cannot subscribe again ourselves: go on from here, and say so.
      this.positions.set(channel, { offset, epoch: known.epoch });
      this.emit({ type: 'gap', channel, after: known.offset, before: offset });
    } else {
      this.positions.set(channel, verdict.position);
    }
    this.emit(eventOf(channel, publication));
  }

  private end(channel: string, reason: { readonly code: number; readonly text: string }): void {
    this.positions.delete(channel);
    this.emit({ type: 'unsubscribed', channel, reason, willRetry: false });
  }
}
