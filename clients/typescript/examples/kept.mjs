// What an example bot remembers: JSON values by name, in a file that is always whole.
import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

export class Kept {
  /** @type {Map<string, any>} */
  #values;
  /** @type {string | null} */
  #path;
  /** One save at a time; who comes meanwhile waits for the next. @type {Promise<void>} */
  #saving = Promise.resolve();

  /**
   * @param {Iterable<[string, any]>} values
   * @param {string | null} path null keeps it in memory, for tests
   */
  constructor(values = [], path = null) {
    this.#values = new Map(values);
    this.#path = path;
  }

  /** @param {string} path */
  static async open(path) {
    const text = await readFile(path, 'utf8').catch((error) => {
      if (error.code === 'ENOENT') return '{}';
      throw error;
    });
    return new Kept(Object.entries(JSON.parse(text)), path);
  }

  /** @param {string} name */
  get(name) {
    return this.#values.get(name);
  }

  /** Names and values that begin so. @param {string} prefix @returns {[string, any][]} */
  all(prefix) {
    return [...this.#values].filter(([name]) => name.startsWith(prefix));
  }

  /** Undefined forgets it. Counts at once, and after a crash once `saved` has resolved. @param {string} name @param {any} value */
  set(name, value) {
    if (value === undefined) this.#values.delete(name);
    else this.#values.set(name, value);
  }

  /** Resolves when everything that was set is on disk: a second file is written, synced, and put in the place of the first. */
  saved() {
    this.#saving = this.#saving.catch(() => undefined).then(() => this.#write());
    return this.#saving;
  }

  async #write() {
    if (this.#path === null) return;
    const file = await open(`${this.#path}.new`, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify(Object.fromEntries(this.#values)));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${this.#path}.new`, this.#path);
    const folder = await open(dirname(this.#path), 'r');
    await folder.sync().finally(() => folder.close());
  }
}
