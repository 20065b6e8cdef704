/** Every limit and default time of the SDK, with its unit and what happens when it is hit. What a caller may change is in `Settings`. */

/** Times and bounds that a caller may change. */
export interface Settings {
  /** Requests that wait for an answer, at most; sends while disconnected count too. Above: `queue_full`. */
  readonly requestsMax: number;
  /** Events that wait in one stream, at most. Above: the oldest go, and `lagged` says how many. */
  readonly eventsMax: number;
  /** Milliseconds for the socket to open. After: the next address. */
  readonly openWithinMs: number;
  /** Milliseconds for the replies to connect and subscribe. After: the connection is dropped and made anew. */
  readonly replyWithinMs: number;
  /** Milliseconds for one attempt of a request. After: it is sent again where that is safe. */
  readonly ackWithinMs: number;
  /** Milliseconds for a request with all its attempts, reconnects included. After: `timeout`. */
  readonly requestWithinMs: number;
  /** Milliseconds of silence beyond the announced ping interval. After: the connection is dropped and made anew. */
  readonly pingGraceMs: number;
  /** Shortest pause before a reconnect, milliseconds. */
  readonly backoffMinMs: number;
  /** Longest pause before a reconnect, milliseconds. */
  readonly backoffMaxMs: number;
  /** Milliseconds that a connection must hold for the next pause to be short again. */
  readonly stableMs: number;
}

export const DEFAULT_SETTINGS: Settings = {
  requestsMax: 1_024,
  eventsMax: 1_024,
  openWithinMs: 5_000,
  replyWithinMs: 5_000,
  ackWithinMs: 5_000,
  requestWithinMs: 30_000,
  pingGraceMs: 10_000,
  backoffMinMs: 500,
  backoffMaxMs: 20_000,
  stableMs: 10_000,
};

/** Channels that one client may be subscribed to by its own wish. Above: `queue_full`; the server's own limit is lower by default. */
export const SUBSCRIPTIONS_MAX = 1_024;
/** Milliseconds for a token source to answer. After: a temporary failure. */
export const TOKEN_WITHIN_MS = 15_000;
/** Longest time before its end that a token is renewed, milliseconds; one tenth of its life when that is less. */
export const REFRESH_AHEAD_MS_MAX = 60_000;
/** Shortest pause before a failed token renewal is tried again, milliseconds; the longest is twice this. */
export const REFRESH_RETRY_MS = 5_000;
/** Shortest pause before a request that was refused for now goes out again, milliseconds. */
export const RETRY_MIN_MS = 100;
/** Longest pause before a request that was refused for now goes out again, milliseconds. */
export const RETRY_MAX_MS = 5_000;
/** Milliseconds that `close` waits for answers that are under way. */
export const CLOSE_WITHIN_MS = 2_000;
/** Milliseconds for one HTTP call with its answer. */
export const CALL_WITHIN_MS = 15_000;
/** Characters that are gathered into one frame; far below the server's limit. A larger command goes alone. */
export const FRAME_CHARACTERS_MAX = 16_384;
/** Bytes that a command's id and names may take of a frame beside its data. */
export const ENVELOPE_BYTES = 256;
