//! RFC 6455, server side, without IO.
//!
//! [`handshake`] answers an upgrade request, [`Decoder`] turns bytes of a client into [`Event`]s, [`encode`] makes
//! complete server frames. Nothing here reads a clock or a socket, so all of it is tested byte by byte; the pump in
//! `gateway` is its only caller. Extensions are never granted: RSV bits are always a violation.

mod close;
mod decode;
pub mod encode;
pub mod handshake;
mod header;
mod mask;

pub use close::{CloseReason, is_valid_code};
pub use decode::{Decoder, Event, Violation};
