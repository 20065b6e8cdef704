//! The test kit: a real `rialto` process, people with HTTP and WebSocket clients, and an independent history checker.
//!
//! The suites beside it (`tests/tests/*.rs`) tell stories with this vocabulary:
//!
//! ```text
//! let node = Rialto::start(&[]).await;                       // a process of its own, on a free port, in a folder of its own
//! let (mut alice, mut bob) = node.two_people("alice", "bob").await;
//! let room = alice.opens_group("tea", &[&bob]).await;        // both are subscribed afterwards
//! bob.enters(&room).await;
//! alice.says("hi").await;
//! bob.hears("hi").await;
//! ```
//!
//! Rules of the kit: nothing waits for a fixed time (it waits for a condition, with a generous deadline), nothing listens
//! on a fixed port, the temporary folder of a failed test is kept and its path printed, and a random plan prints its seed.
//! Nothing here links the server: what is tested is the binary that people run.

pub mod binary;
pub mod clock;
pub mod config_keys;
pub mod dice;
pub mod door;
pub mod engine;
pub mod history;
pub mod http;
pub mod json;
pub mod load;
pub mod node;
pub mod person;
pub mod program;
pub mod proxy;
pub mod raw;
pub mod receiver;
pub mod repository;
pub mod tokens;
pub mod user;
pub mod wire;

pub use binary::{Ran, rialto};
pub use clock::{PATIENCE, eventually, now_ms, within};
pub use dice::Dice;
pub use door::Door;
pub use http::{Answer, Http};
pub use json::Pick;
pub use node::Rialto;
pub use person::Person;
pub use program::Program;
pub use proxy::{Flow, Proxy};
pub use raw::RawSocket;
pub use receiver::Receiver;
pub use user::User;
pub use wire::{Closed, Refusal, Wire};

pub use serde_json::{Value, json};

/// Says something to whoever watches the run; shown for failed tests, and with `--nocapture`.
#[expect(clippy::print_stderr, reason = "the one place of the kit that prints; the harness captures it per test")]
pub fn note(text: &str) {
    eprintln!("{text}");
}
