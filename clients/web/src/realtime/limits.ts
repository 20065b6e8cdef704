/** Limits of the realtime client, each with its unit. */

/** How long the server may take to answer connect or subscribe before the connection counts as dead, in milliseconds. */
export const HANDSHAKE_TIMEOUT_MS = 5_000;
/** How long a socket may take to open, in milliseconds. */
export const OPEN_TIMEOUT_MS = 10_000;
/** How long any other command waits for its reply, in milliseconds. */
export const COMMAND_TIMEOUT_MS = 10_000;
/** Silence allowed beyond the announced ping interval, in milliseconds. */
export const PING_GRACE_MS = 10_000;
/** The token is renewed this long before it runs out (or at half its life when that is later), in milliseconds. */
export const REFRESH_AHEAD_MS = 60_000;
/** Shortest wait before a failed token renewal is tried again; up to twice as long, in milliseconds. */
export const REFRESH_RETRY_MS = 5_000;
/** Commands waiting for a reply on one connection. */
export const PENDING_MAX = 1_024;
