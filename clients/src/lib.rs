//! The Rust SDK of Rialto: a cheap, cloneable [`Client`] that keeps one WebSocket connection alive, tells its state openly, resumes every
//! subscription where it stood, and repeats what was not acknowledged with the same id, so that nothing is said twice.
//!
//! ```no_run
//! use futures_util::StreamExt;
//! use rialto_client::{Client, Event};
//!
//! # async fn run() -> Result<(), rialto_client::Error> {
//! let (client, mut events) = Client::builder(["http://127.0.0.1:8080"]).token("an access token").start()?;
//! for conversation in client.list(Default::default()).await?.items {
//!     client.watch(conversation.id).await?;
//! }
//! while let Some(event) = events.next().await {
//!     match event {
//!         Event::Conversation { conversation, event, .. } => println!("{conversation}: {event:?}"),
//!         Event::Subscribed { channel, was_recovering: true, recovered: false, .. } => println!("{channel}: load it again"),
//!         _ => {}
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! # Guarantees
//! * A call that appends (`send`, `edit`, `react` …) carries an id of its own. It is repeated with that id after a silent [`limits::ACK_WITHIN_MS`], a temporary
//!   error or a lost connection, until [`limits::REQUEST_WITHIN_MS`] are over; the server stores it once. `Ok` means durable.
//! * Two calls keep their order only if the second is made after the first was answered.
//! * Events of one channel come in the order of their offsets, each once. Missing ones are asked for again; when the server cannot bring them,
//!   [`Event::Subscribed`] says `recovered: false`.
//! * Every queue has a bound in [`limits`]: a full request queue is an error, a full event queue is an [`Event::Lagged`].
//!
//! # Not built in
//! TLS: addresses are `http://` and `ws://`. Terminate TLS in a local proxy until it is.

pub mod bot;
mod builder;
mod client;
mod clock;
mod connection;
mod error;
mod event;
pub mod http;
pub mod limits;
mod state;
pub mod testing;
mod token;
mod wire;

pub use rialto_protocol as protocol;

pub use self::builder::Builder;
pub use self::client::{Client, ListPage, SubscribeOptions, Subscribed};
pub use self::error::Error;
pub use self::event::{Event, Events};
pub use self::state::{ConnectionState, Position, Reason};
pub use self::token::{TokenError, TokenSource};

/// What the README shows is run with the other examples of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
