/** The views of the console, in the order of its menu. */
export const VIEWS = [
  { id: 'overview', title: 'Overview' },
  { id: 'users', title: 'Users' },
  { id: 'conversations', title: 'Conversations' },
  { id: 'log', title: 'Log' },
  { id: 'configuration', title: 'Configuration' },
] as const;

export type ViewId = (typeof VIEWS)[number]['id'];

export interface Route {
  readonly view: ViewId;
  /** Whom or what it is about; may be empty. */
  readonly argument: string;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

/** `#/users/ada` and the like; anything else is the overview. */
export function parseRoute(hash: string): Route {
  const [, name = '', argument = ''] = hash.split('/');
  const view = VIEWS.find((one) => one.id === name)?.id ?? 'overview';
  return { view, argument: decoded(argument) };
}

export function routeTo(view: ViewId, argument: string): string {
  return `#/${view}/${encodeURIComponent(argument)}`;
}
