import { ERROR_CODES } from '../protocol/codes.ts';

/** What the test server answers instead of what was asked. */
export class Refusal extends Error {
  readonly frame: { readonly code: number; readonly message: string; readonly temporary?: true };

  constructor(word: string) {
    super(word);
    const found = Object.entries(ERROR_CODES).find(([, known]) => known.word === word);
    if (found === undefined) throw new Error(`no such code: ${word}`);
    const message = Number(found[0]) < 400 ? word.replaceAll('_', ' ') : word;
    this.frame = { code: Number(found[0]), message, ...(found[1].temporary ? { temporary: true } : {}) };
  }
}
