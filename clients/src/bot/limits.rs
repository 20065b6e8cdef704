//! Limits of the bot layer, each with its unit and what happens when it is hit.

/// Rows that wait for one conversation's handlers. Above: they are read again from the server when the handlers have caught up.
pub const BACKLOG_MAX: usize = 256;
/// Rows read at once while catching up.
pub const CATCH_UP_ROWS: u16 = 100;
/// Conversations whose handlers run at the same time; the others wait their turn.
pub const RUNNING_MAX: usize = 32;
/// Rows that are handled before the place behind them is kept, at most: it is kept sooner when nothing waits.
pub const KEPT_EVERY_ROWS: u32 = 100;
/// Milliseconds for one handler while connected. After: it is dropped, its error boundary hears of a timeout, and the conversation goes on.
pub const HANDLER_WITHIN_MS: u64 = 60_000;
/// Things that one handler may do about one row. Above: [`crate::Error::Misuse`].
pub const ACTIONS_MAX: u32 = 100;
/// Milliseconds that [`super::Running::stop`] waits for handlers that are running. After: they are dropped, and run again at the next start.
pub const STOP_WITHIN_MS: u64 = 10_000;
/// Shortest pause after something that the server would not do for now, milliseconds.
pub const AGAIN_MS_MIN: u64 = 200;
/// Longest such pause, milliseconds.
pub const AGAIN_MS_MAX: u64 = 10_000;
/// Conversations that wait to be looked at because the inbox named them. Above: the whole list is read instead.
pub const NAMED_MAX: usize = 64;
