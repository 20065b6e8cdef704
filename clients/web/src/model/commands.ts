import type { Command } from './types.ts';

/** Commands that are offered at a time. */
const SHOWN_MAX = 8;

/** The word of a command that is being written, without its `/`; null when the text is something else, or its word is finished. */
export function wordOf(text: string): string | null {
  return /^\/([\w-]*)$/.exec(text)?.[1]?.toLowerCase() ?? null;
}

/** Commands that begin with what is written, and behind them those that contain it. */
export function matching(commands: readonly Command[], word: string): readonly Command[] {
  const begins = commands.filter(({ name }) => name.startsWith(word));
  const contains = commands.filter(({ name }) => !name.startsWith(word) && name.includes(word));
  return [...begins, ...contains].slice(0, SHOWN_MAX);
}

/** How a command's options are written: those that must be given in angle brackets. */
export function usageOf({ options }: Command): string {
  return options.map(({ name, required, choices = [] }) => {
    const what = choices.length > 0 ? `${name}: ${choices.join('|')}` : name;
    return required === true ? `<${what}>` : `[${what}]`;
  }).join(' ');
}

/** The text once a command is chosen. */
export function completed({ name, options }: Command): string {
  return options.length > 0 ? `/${name} ` : `/${name}`;
}
