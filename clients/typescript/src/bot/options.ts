import type { OptionKind } from '../protocol/types.ts';

/** What a person wrote is not what a command takes; the message says what it does take. */
export class InvalidOption extends Error {}

/** One option of a command: how it is read, and what it is when nobody gave it. */
export class Option<T> {
  /** @internal */
  constructor(
    /** For clients that complete it. */
    readonly kind: OptionKind,
    /** For the usage line: a word for what is wanted. */
    readonly what: string,
    /** How much of what was written it takes. */
    readonly takes: 'one' | 'rest',
    readonly read: (words: readonly string[]) => T,
    readonly fallback: { readonly value: T } | null = null,
    /** The words of a choice. */
    readonly choices: readonly string[] = [],
    /** For people, at most 200 bytes. */
    readonly description: string = '',
  ) {}

  /** What it is when nobody gave it. */
  or(value: T): Option<T> {
    return new Option(this.kind, this.what, this.takes, this.read, { value }, this.choices, this.description);
  }

  /** It may be left out. */
  optional(): Option<T | undefined> {
    return new Option<T | undefined>(this.kind, this.what, this.takes, this.read, { value: undefined }, this.choices, this.description);
  }

  /** Says what it is for: people read it while they complete the command. */
  describe(description: string): Option<T> {
    return new Option(this.kind, this.what, this.takes, this.read, this.fallback, this.choices, description);
  }
}

/** The options of a command by name, in the order in which they are written. */
export type Options = Readonly<Record<string, Option<any>>>;

/** What a handler gets for its options. */
export type Values<O extends Options> = { readonly [Name in keyof O]: O[Name] extends Option<infer T> ? T : never };

function one<T>(kind: OptionKind, what: string, read: (word: string) => T, choices: readonly string[] = []): Option<T> {
  return new Option(kind, what, 'one', ([word = '']) => read(word), null, choices);
}

function bounded(value: number, { min = -Infinity, max = Infinity }: Bounds): number {
  if (value < min || value > max) throw new InvalidOption(`it must lie between ${min} and ${max}`);
  return value;
}

interface Bounds {
  readonly min?: number;
  readonly max?: number;
}

/** Kinds of options. Each is required unless `.or(value)` or `.optional()` says otherwise. */
export const option = {
  /** One word, or several in quotes. */
  text: (): Option<string> => one('text', 'text', (word) => word),
  /** Everything that is left. */
  rest: (): Option<string> => new Option('rest', 'text …', 'rest', (words) => words.join(' ')),
  /** Everything that is left, word by word. */
  list: ({ min = 1, max = Infinity }: Bounds = {}): Option<readonly string[]> => new Option('list', 'text text …', 'rest', (words) => {
    if (words.length < min || words.length > max) throw new InvalidOption(`${min}${max === Infinity ? ' or more' : ` to ${max}`} are wanted`);
    return words;
  }),
  integer: (bounds: Bounds = {}): Option<number> => one('integer', 'number', (word) => {
    if (!/^[+-]?\d{1,15}$/.test(word)) throw new InvalidOption('it must be a whole number');
    return bounded(Number(word), bounds);
  }),
  number: (bounds: Bounds = {}): Option<number> => one('number', 'number', (word) => {
    if (word.trim() === '' || !Number.isFinite(Number(word))) throw new InvalidOption('it must be a number');
    return bounded(Number(word), bounds);
  }),
  flag: (): Option<boolean> => one('flag', 'yes|no', (word) => {
    if (/^(yes|y|true|on|1)$/i.test(word)) return true;
    if (/^(no|n|false|off|0)$/i.test(word)) return false;
    throw new InvalidOption('it must be yes or no');
  }),
  choice: <Word extends string>(...words: readonly Word[]): Option<Word> => one('choice', words.join('|'), (word) => {
    const found = words.find((candidate) => candidate.toLowerCase() === word.toLowerCase());
    if (found === undefined) throw new InvalidOption(`it must be one of ${words.join(', ')}`);
    return found;
  }, words),
  /** A user name, written with or without `@`. */
  user: (): Option<string> => one('user', '@user', (word) => {
    const name = word.replace(/^@/, '');
    if (!/^[\w.-]{3,32}$/.test(name)) throw new InvalidOption('it must be a user name');
    return name;
  }),
};

/** Words of a line; quotes hold several together. */
export function wordsOf(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|“([^”]*)”|(\S+)/g)].map(([, straight, curly, bare]) => straight ?? curly ?? bare ?? '');
}

/** Reads what was written behind a command's name: by place, or as `name:value`. */
export function readOptions<O extends Options>(options: O, line: string): Values<O> {
  const named = new Map<string, string>();
  const words = wordsOf(line.replace(/(?<=^|\s)(\w+):("[^"]*"|\S+)/g, (whole, name: string, value: string) => {
    if (!Object.hasOwn(options, name)) return whole;
    named.set(name, wordsOf(value)[0] ?? '');
    return ' ';
  }));
  const values: Record<string, unknown> = {};
  for (const [name, wanted] of Object.entries(options)) {
    const given = named.has(name) ? [named.get(name) ?? ''] : words.splice(0, wanted.takes === 'one' ? 1 : words.length);
    values[name] = valueOf(name, wanted, given);
  }
  if (words.length > 0) throw new InvalidOption(`“${words.join(' ')}” is too much`);
  return values as Values<O>;
}

function valueOf(name: string, wanted: Option<unknown>, given: readonly string[]): unknown {
  if (given.length === 0 && wanted.fallback !== null) return wanted.fallback.value;
  if (given.length === 0) throw new InvalidOption(`${name} is missing`);
  try {
    return wanted.read(given);
  } catch (error) {
    if (error instanceof InvalidOption) throw new InvalidOption(`${name}: ${error.message}`);
    throw error;
  }
}

/** How a command is written. */
export function usageOf(name: string, options: Options): string {
  const parts = Object.entries(options).map(([option, { what, fallback }]) => (fallback === null ? `<${option}: ${what}>` : `[${option}: ${what}]`));
  return [name, ...parts].join(' ');
}
