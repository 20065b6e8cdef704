import { MemoryOutboxStore } from './outbox-store.ts';
import type { OutboxEntry, OutboxStore } from './outbox-store.ts';
import type { ClientId } from './protocol/types.ts';

const TABLE = 'entries';

/** Keeps what is on its way in the browser, over reloads and crashes, one set of entries for each owner (a user's id). */
export class IndexedDbOutboxStore implements OutboxStore {
  private constructor(private readonly database: IDBDatabase, private readonly owner: string) {}

  /** Opens it; where the browser forbids storage, one that lasts as long as the page. */
  static async open(owner: string, name = 'rialto-outbox'): Promise<OutboxStore> {
    try {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(TABLE, { keyPath: ['owner', 'key'] });
      return new IndexedDbOutboxStore(await done(request), owner);
    } catch {
      return new MemoryOutboxStore();
    }
  }

  load(): Promise<readonly OutboxEntry[]> {
    return this.run('readonly', async (table) => {
      const rows = await done<{ readonly entry: OutboxEntry }[]>(table.getAll(this.range()));
      return rows.map(({ entry }) => entry);
    });
  }

  put(entry: OutboxEntry): Promise<void> {
    return this.run('readwrite', async (table) => void (await done(table.put({ owner: this.owner, key: entry.key, entry }))));
  }

  claim(key: string, clientId: ClientId): Promise<ClientId | null> {
    return this.run('readwrite', async (table) => {
      const row = await done<{ readonly entry: OutboxEntry } | undefined>(table.get([this.owner, key]));
      if (row === undefined) return null;
      const standing = row.entry.clientId ?? clientId;
      await done(table.put({ owner: this.owner, key, entry: { ...row.entry, clientId: standing } }));
      return standing;
    });
  }

  remove(key: string): Promise<void> {
    return this.run('readwrite', async (table) => void (await done(table.delete([this.owner, key]))));
  }

  clear(): Promise<void> {
    return this.run('readwrite', async (table) => void (await done(table.delete(this.range()))));
  }

  private range(): IDBKeyRange {
    return IDBKeyRange.bound([this.owner, ''], [this.owner, '\uffff']);
  }

  /** One transaction; resolves when it is on disk, not when its requests are answered. */
  private async run<T>(mode: IDBTransactionMode, work: (table: IDBObjectStore) => Promise<T>): Promise<T> {
    const transaction = this.database.transaction(TABLE, mode, { durability: 'strict' });
    const committed = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
    });
    const [result] = await Promise.all([work(transaction.objectStore(TABLE)), committed]);
    return result;
  }
}

function done<T>(request: IDBRequest): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result as T);
    request.onerror = () => reject(request.error);
  });
}
