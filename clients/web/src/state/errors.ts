import { RialtoError } from '@rialto/client';

const WORDS: Readonly<Record<string, string>> = {
  invalid_argument: 'That was not accepted as it is.',
  invalid_credentials: 'The username or password is not right.',
  token_expired: 'Your session has run out. Log in again.',
  not_found: 'There is nothing here by that name or id.',
  not_a_member: 'You are not a member of this conversation.',
  forbidden: 'You may not do that here.',
  conflict: 'That is taken or already done.',
  too_large: 'That is too long.',
  client_id_expired: 'This waited too long to be sent.',
  overloaded: 'The server is busy.',
  unavailable: 'This is unavailable for the moment.',
  not_configured: 'The server is not set up for this.',
  banned: 'You have been banned from this conversation.',
  storage_full: 'The server has no room left for new messages.',
  rate_limited: 'Too many attempts.',
  timeout: 'The server did not answer in time.',
  interrupted: 'The connection was lost.',
  not_connected: 'There is no connection.',
  closed: 'There is no connection.',
  not_kept: 'This browser has no room left for messages on their way.',
  offline: 'The server cannot be reached.',
};

function inSeconds(ms: number | null): string {
  return ms === null ? '' : ` Try again in ${Math.max(1, Math.ceil(ms / 1000))} s.`;
}

/** What a stable code means, in words a person understands. */
export function explainCode(code: string, otherwise = ''): string {
  return WORDS[code] ?? (otherwise || 'Something went wrong.');
}

/** Says in words a person understands what went wrong. */
export function explain(error: unknown): string {
  if (!(error instanceof RialtoError)) return 'Something went wrong.';
  if (error.status === 400 && error.detail !== '') return error.detail;
  return explainCode(error.code, error.detail) + inSeconds(error.retryAfterMs);
}
