//! One connection for a client's life: a machine without IO that decides ([`state`]), and a thin task around it that does ([`driver`]).
//!
//! The machine gets time as a number and randomness as a seed, and returns effects; so every reconnect, retry and deadline is tested without a socket.

mod backoff;
mod driver;
mod input;
mod request;
mod socket;
mod state;
mod subscription;

pub(crate) use self::driver::{Command, Driver};
pub(crate) use self::input::{Settings, Shared};
pub(crate) use self::request::Retry;
pub(crate) use self::socket::Address;
pub(crate) use self::subscription::Wish;
