//! The pump of WebSocket connections: bytes in to messages, frames out to the socket.
//!
//! A connection is one small task that waits for its socket, and writes go through one flush per scheduler tick for
//! the whole thread. Idle, a connection owns no buffer: input is read into the thread's buffer, output stands in the
//! session's outbox, and only what a blocked socket did not take is kept here, one outbox's content at most.
//!
//! The files: `conn` the state and its task, `read` from bytes to calls, `write` the flush, `close` all ways to end.

mod close;
mod conn;
mod read;
mod sessions;
mod write;

pub(crate) use conn::Conn;
pub(crate) use sessions::Sessions;
pub(crate) use write::{Dirty, Queue};
