import { ERROR_CODES } from './protocol/codes.ts';

/** Words that this SDK says itself; all others are the server's, from its one table of codes. */
export type LocalCode =
  /** No answer in time. */
  | 'timeout'
  /** The connection broke before the answer, and the call is not one that may be repeated. */
  | 'interrupted'
  /** There is no connection, and the call is not one that waits for one. */
  | 'not_connected'
  /** The client is suspended or closed. */
  | 'closed'
  /** A bound of `Settings` is reached. */
  | 'queue_full'
  /** The caller's `AbortSignal` fired. */
  | 'aborted'
  /** The server could not be reached (HTTP). */
  | 'offline'
  /** The answer is not what the call promises. */
  | 'bad_answer'
  /** The call cannot be made this way. */
  | 'misuse';

/** What is known of a failure beside its code. */
export interface Details {
  /** For people. */
  readonly detail?: string;
  /** The protocol's error or close number. */
  readonly number?: number;
  /** The HTTP status. */
  readonly status?: number;
  /** Trying the same again may help. */
  readonly temporary?: boolean;
  /** When trying again makes sense, milliseconds. */
  readonly retryAfterMs?: number;
  /** The call may have taken effect although it failed. */
  readonly outcomeUnknown?: boolean;
  readonly cause?: unknown;
}

/** Why something failed. `code` is a stable snake_case word: compare that, never the message. */
export class RialtoError extends Error {
  readonly code: string;
  readonly detail: string;
  readonly number: number | null;
  readonly status: number | null;
  readonly temporary: boolean;
  readonly retryAfterMs: number | null;
  readonly outcomeUnknown: boolean;

  constructor(code: LocalCode | (string & {}), details: Details = {}) {
    super(details.detail === undefined || details.detail === '' ? code : `${code}: ${details.detail}`, { cause: details.cause });
    this.name = 'RialtoError';
    this.code = code;
    this.detail = details.detail ?? '';
    this.number = details.number ?? null;
    this.status = details.status ?? null;
    this.temporary = details.temporary === true;
    this.retryAfterMs = details.retryAfterMs ?? null;
    this.outcomeUnknown = details.outcomeUnknown === true;
  }

  /** An error reply of the server. */
  static refused(number: number, message = '', temporary = false): RialtoError {
    const known = (ERROR_CODES as Readonly<Record<number, { readonly word: string }>>)[number];
    return new RialtoError(known?.word ?? (message.replaceAll(' ', '_') || `code_${number}`), { number, temporary });
  }
}

/** Throw it in a token source to say that there will be no token: the client suspends instead of asking again. */
export class Unauthorized extends RialtoError {
  constructor(detail = 'no token') {
    super('unauthorized', { detail });
    this.name = 'Unauthorized';
  }
}
