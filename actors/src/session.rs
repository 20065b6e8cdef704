//! One connection: who it is, what it listens to, how fast it may ask, and when it must show life. A machine; it knows frames only as commands and replies, and
//! sockets not at all.

pub mod effect;
pub mod input;
mod rate;
pub mod state;
mod user_rates;

pub use effect::{ReplyKind, SessionEffect};
pub use input::SessionInput;
pub use state::{Session, SessionConfig};
pub use user_rates::UserRates;

#[cfg(test)]
mod tests;
