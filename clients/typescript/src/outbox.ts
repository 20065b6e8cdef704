import type { Client } from './client.ts';
import { RialtoError } from './error.ts';
import { Hub } from './hub.ts';
import { RETRY_MAX_MS } from './limits.ts';
import { MemoryOutboxStore } from './outbox-store.ts';
import type { OutboxEntry, OutboxStore } from './outbox-store.ts';
import type { Appended, ConversationId } from './protocol/types.ts';
import { uuid7Factory } from './uuid7.ts';

/** Messages that may wait. Above: `queue_full`. */
export const OUTBOX_ENTRIES_MAX = 1_000;
/** Events that may wait in a stream of the outbox. */
const EVENTS_MAX = 1_024;

/** What becomes of a message. */
export type OutboxEvent =
  /** It is kept and on its way: written now, found in the store, given its id, or to be tried again. */
  | { readonly type: 'waiting'; readonly entry: OutboxEntry }
  /** It stands in its conversation. */
  | { readonly type: 'sent'; readonly entry: OutboxEntry; readonly appended: Appended }
  /** The server will not have it: `entry.error` says why. It stays until `retry` or `discard`. */
  | { readonly type: 'failed'; readonly entry: OutboxEntry }
  /** It was discarded, or somebody else who shares the store is done with it. */
  | { readonly type: 'gone'; readonly entry: OutboxEntry };

/**
 * Messages that must arrive, however long there is no connection: each is kept in a store before it is sent, and sent until
 * it is acknowledged, in the order of writing within its conversation. A message gets its id once, durably, before its first
 * attempt, by the server's clock: no reload, crash, second tab or wrong clock makes two of it.
 */
export class Outbox {
  private readonly entries = new Map<string, OutboxEntry>();
  private readonly pumps = new Set<ConversationId>();
  private readonly hub = new Hub<OutboxEvent>(EVENTS_MAX, (error) => setTimeout(() => { throw error; }, 0));
  private readonly newKey: () => string;
  private readonly ended = new AbortController();

  private readonly store: Promise<OutboxStore>;

  constructor(private readonly client: Client, store: OutboxStore | Promise<OutboxStore> = new MemoryOutboxStore()) {
    this.store = Promise.resolve(store);
    this.newKey = uuid7Factory(() => Date.now(), (length) => crypto.getRandomValues(new Uint8Array(length)));
  }

  /** What has not arrived, in the order of writing. */
  get pending(): readonly OutboxEntry[] {
    return [...this.entries.values()];
  }

  on<Type extends OutboxEvent['type']>(type: Type, handler: (event: Extract<OutboxEvent, { readonly type: Type }>) => void): () => void {
    return this.hub.on(type, handler);
  }

  /** Takes up what an earlier run left in the store. */
  async restore(): Promise<void> {
    for (const entry of await (await this.store).load()) {
      if (!this.entries.has(entry.key)) this.keep(entry);
    }
  }

  /** Sends a message as soon as that is possible. Resolves when it is kept, not when it has arrived: see `sent`. */
  async send(conversation: ConversationId, text: string, replyTo: number | null = null): Promise<OutboxEntry> {
    if (this.entries.size >= OUTBOX_ENTRIES_MAX) throw new RialtoError('queue_full');
    const entry = { key: this.newKey(), conversation, text, replyTo, time: Date.now(), clientId: null, error: null };
    // Its place in the order is taken now; it is sent once it is kept.
    this.entries.set(entry.key, entry);
    try {
      await (await this.store).put(entry);
    } catch (cause) {
      this.entries.delete(entry.key);
      throw new RialtoError('not_kept', { detail: String(cause), cause });
    }
    this.keep(entry);
    return entry;
  }

  /** Tries a refused message again. */
  async retry(key: string): Promise<void> {
    const entry = this.entries.get(key);
    if (entry?.error == null) return;
    // An id that was refused for its date will be refused for ever. The person saw that it failed and wants it said now.
    const clientId = entry.error === 'client_id_expired' ? null : entry.clientId;
    const again = { ...entry, clientId, error: null };
    await (await this.store).put(again);
    this.keep(again);
  }

  /** Gives a message up. One that was on its way may have arrived. */
  async discard(key: string): Promise<void> {
    const entry = this.entries.get(key);
    await (await this.store).remove(key);
    if (entry !== undefined) this.forget(entry);
  }

  /** Gives everything up. */
  async clear(): Promise<void> {
    const all = this.pending;
    await (await this.store).clear();
    for (const entry of all) this.forget(entry);
  }

  /** Sends no more; what has not arrived stays in the store. */
  stop(): void {
    this.ended.abort();
    this.hub.end();
  }

  private keep(entry: OutboxEntry): void {
    this.entries.set(entry.key, entry);
    this.hub.emit(entry.error === null ? { type: 'waiting', entry } : { type: 'failed', entry });
    void this.pump(entry.conversation);
  }

  private forget(entry: OutboxEntry): void {
    if (this.entries.delete(entry.key)) this.hub.emit({ type: 'gone', entry });
  }

  /** Sends what waits in a conversation, one at a time: the order of writing is the order in which it stands. */
  private async pump(conversation: ConversationId): Promise<void> {
    if (this.pumps.has(conversation)) return;
    this.pumps.add(conversation);
    try {
      while (!this.ended.signal.aborted) {
        const next = this.pending.find((entry) => entry.conversation === conversation && entry.error === null);
        if (next === undefined) break;
        await this.untilConnected();
        await this.sendOne(next.key);
      }
    } catch (error) {
      // Stopped, or the client was closed: what waits stays in the store.
      if (!(error instanceof RialtoError)) throw error;
    } finally {
      this.pumps.delete(conversation);
    }
  }

  private async untilConnected(): Promise<void> {
    const { signal } = this.ended;
    while (!this.client.isConnected) {
      if (this.client.state.name === 'closed' || signal.aborted) throw new RialtoError('closed');
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          stop();
          signal.removeEventListener('abort', wake);
          resolve();
        };
        const stop = this.client.on('state', wake);
        signal.addEventListener('abort', wake, { once: true });
      });
    }
  }

  private async sendOne(key: string): Promise<void> {
    const clientId = await (await this.store).claim(key, this.client.newClientId());
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    if (clientId === null) {
      this.forget(entry);
      return;
    }
    const claimed = { ...entry, clientId };
    this.entries.set(key, claimed);
    if (entry.clientId === null) this.hub.emit({ type: 'waiting', entry: claimed });
    const { conversation, text, replyTo } = claimed;
    try {
      const appended = await this.client.send(conversation, text, { clientId, replyTo: replyTo ?? undefined, signal: this.ended.signal });
      await (await this.store).remove(key);
      if (this.entries.delete(key)) this.hub.emit({ type: 'sent', entry: claimed, appended });
    } catch (error) {
      await this.notSent(claimed, error);
    }
  }

  private async notSent(entry: OutboxEntry, error: unknown): Promise<void> {
    if (!(error instanceof RialtoError)) throw error;
    // Refused at once: coming back at once would spin.
    if (error.code === 'queue_full') await new Promise((resolve) => setTimeout(resolve, RETRY_MAX_MS));
    // No answer, or not now: the same id is sent again for as long as it takes.
    if (error.temporary || error.outcomeUnknown || error.code === 'aborted') return;
    const failed = { ...entry, error: error.code };
    await (await this.store).put(failed);
    if (!this.entries.has(entry.key)) return;
    this.entries.set(entry.key, failed);
    this.hub.emit({ type: 'failed', entry: failed });
  }
}
