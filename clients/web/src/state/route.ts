import { Store } from '../lib/store.ts';

const ID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;

function read(): string | null {
  return location.hash.startsWith('#/c/') ? idIn(location.hash) : null;
}

/** The conversation id in a link or text, or null. */
export function idIn(text: string): string | null {
  return ID.exec(text)?.[0].toLowerCase() ?? null;
}

/** The conversation on screen, kept in the address so that Back, reload and links work. */
export const route = new Store<string | null>(read());

window.addEventListener('hashchange', () => route.set(read()));

export function openConversation(id: string): void {
  location.hash = `#/c/${id}`;
}

export function closeConversation(): void {
  if (location.hash !== '' && location.hash !== '#/') location.hash = '#/';
}

export function linkTo(id: string): string {
  return `${location.origin}/#/c/${id}`;
}
