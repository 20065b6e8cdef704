//! The pump of WebSocket connections: bytes in to messages, frames out to the socket.
//!
//! A connection is one small task that waits for its socket, and writes go through one flush per scheduler tick for
//! the whole thread. Idle, a connection owns no buffer: input is read into the thread's buffer, output stands in the
//! session's outbox, and only what a blocked socket did not take is kept here, one outbox's content at most.
//!
//! The files: `conn` the state and its task, `read` from bytes to calls, `flush` who is written to and when, `write` one
//! connection's output, `queue` what its socket did not take, `close` all ways to end, `ended` what is left to do then,
//! `newcomers` whose turn it is when many come.

mod close;
mod conn;
mod ended;
mod flush;
mod newcomers;
mod queue;
mod read;
mod sessions;
mod write;

pub(crate) use conn::Conn;
pub(crate) use flush::{Dirty, Written};
pub(crate) use queue::Queue;
pub(crate) use sessions::Sessions;
