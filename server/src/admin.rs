//! The operators' console: what a node says about itself, second by second, and what may be done to its users.
//!
//! [`sampler`] reads the same text that `/metrics` gives, once a second, and makes numbers of it (`exposition`, `series`); the last hour is kept (`ring`) and
//! told to every feed ([`live`]). Nothing here is on the way of a message.

pub mod console;
mod exposition;
pub mod limits;
pub mod live;
mod loads;
pub mod log_ring;
mod ring;
pub mod sampler;
mod series;

pub use console::Console;
pub use loads::{render, report};
pub use log_ring::LogRing;
