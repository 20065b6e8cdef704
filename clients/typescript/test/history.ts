import assert from 'node:assert/strict';
import type { Client } from '../src/client.ts';
import type { Message } from '../src/protocol/types.ts';
import type { ChannelEvent } from '../src/event.ts';

/** What one subscriber was told of a channel. */
export class Witness {
  private readonly told: ChannelEvent[] = [];

  constructor(private readonly name: string, client: Client, channel: string) {
    const keep = (event: ChannelEvent): void => {
      if (event.channel === channel) this.told.push(event);
    };
    client.on('subscribed', keep);
    client.on('conversation', keep);
  }

  /** Up to which row it knows the stream: heard, or there before it came. */
  get last(): number {
    const row = this.told.findLast((event) => event.type === 'conversation' && event.offset !== null);
    const first = this.told.find((event) => event.type === 'subscribed');
    return Math.max(row?.type === 'conversation' ? row.offset ?? 0 : 0, first?.type === 'subscribed' ? first.position.offset : 0);
  }

  /** Every row between the first subscribe and the last row came once and in order, and is what the log says. */
  isContiguous(log: readonly Message[]): void {
    let position: number | null = null;
    for (const event of this.told) {
      if (event.type === 'subscribed') {
        assert.ok(position === null || event.recovered, `${this.name}: a recovery was lost`);
        position ??= event.position.offset;
      } else if (event.type === 'conversation' && event.offset !== null) {
        assert.equal(event.offset, (position ?? 0) + 1, `${this.name}: the row after ${position}`);
        position = event.offset;
        if (event.event.type === 'message') assert.equal(log.find(({ offset }) => offset === event.offset)?.text, event.event.text);
      }
    }
  }
}

/** Every acknowledged text stands exactly once where its acknowledgement says; nothing stands twice. */
export function isExact(log: readonly Message[], acknowledged: ReadonlyMap<string, number>, sent: ReadonlySet<string>): void {
  const texts = log.map(({ text }) => text);
  assert.equal(new Set(texts).size, texts.length, 'a message stands twice');
  for (const text of texts) assert.ok(sent.has(text), `nobody said ${text}`);
  for (const [text, offset] of acknowledged) {
    assert.equal(log.find((message) => message.text === text)?.offset, offset, `${text} was acknowledged at ${offset}`);
  }
}

/** A small repeatable dice (mulberry32). */
export function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
