import type { ClientId, ConversationId } from './protocol/types.ts';

/** A message on its way. */
export interface OutboxEntry {
  /** Names it here, from the moment that it was written; sorts by the order of writing. */
  readonly key: string;
  readonly conversation: ConversationId;
  readonly text: string;
  readonly replyTo: number | null;
  /** When it was written, by the clock of `Date.now()`. */
  readonly time: number;
  /** Its id on the server, given before it is sent for the first time and kept for ever after; null until then. */
  readonly clientId: ClientId | null;
  /** Why it was refused for good; null while it is on its way. */
  readonly error: string | null;
}

/** Where messages wait while they are on their way. Several outboxes (a browser's tabs) may share one. */
export interface OutboxStore {
  /** All entries, in the order of their keys. */
  load(): Promise<readonly OutboxEntry[]>;
  /** Keeps an entry; when this resolves, it survives a crash. */
  put(entry: OutboxEntry): Promise<void>;
  /**
   * Gives an entry this id unless it has one already, in one step: whoever else sends the same entry must use the same id.
   * Answers the id that stands, or null when the entry is gone (somebody else's acknowledgement came).
   */
  claim(key: string, clientId: ClientId): Promise<ClientId | null>;
  remove(key: string): Promise<void>;
  clear(): Promise<void>;
}

/** Keeps them as long as the program runs. */
export class MemoryOutboxStore implements OutboxStore {
  private readonly entries = new Map<string, OutboxEntry>();

  async load(): Promise<readonly OutboxEntry[]> {
    return [...this.entries.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async put(entry: OutboxEntry): Promise<void> {
    this.entries.set(entry.key, entry);
  }

  async claim(key: string, clientId: ClientId): Promise<ClientId | null> {
    const entry = this.entries.get(key);
    if (entry === undefined) return null;
    const standing = entry.clientId ?? clientId;
    this.entries.set(key, { ...entry, clientId: standing });
    return standing;
  }

  async remove(key: string): Promise<void> {
    this.entries.delete(key);
  }

  async clear(): Promise<void> {
    this.entries.clear();
  }
}
