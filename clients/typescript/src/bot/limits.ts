/** Limits of the bot layer, each with its unit and what happens when it is hit. */

/** Rows that wait for one conversation's handlers. Above: they are read again from the server when the handlers have caught up. */
export const BACKLOG_MAX = 256;
/** Rows read at once while catching up. */
export const CATCH_UP_ROWS = 100;
/** Conversations whose handlers run at the same time; the others wait their turn. */
export const RUNNING_MAX = 32;
/** Milliseconds for one handler. After: its signal fires, its error boundary hears `timeout`, and the conversation goes on. */
export const HANDLER_WITHIN_MS = 60_000;
/** Things that one handler may do about one row. Above: `misuse`. */
export const ACTIONS_MAX = 100;
/** Milliseconds that `stop` waits for handlers that are running. */
export const STOP_WITHIN_MS = 10_000;
/** Shortest pause after something that the server would not do for now, milliseconds; the longest is `AGAIN_MS_MAX`. */
export const AGAIN_MS_MIN = 200;
export const AGAIN_MS_MAX = 10_000;
