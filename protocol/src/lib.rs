//! What crosses a boundary, defined once: the Centrifuge client protocol in JSON, Rialto's typed events and rpc bodies, the one code
//! table, the channel grammar and every limit with its name.
//!
//! Nothing here does IO, reads a clock or allocates for input before its limit is checked. A reader starts at [`command`] (bytes → command),
//! goes on to [`rpc`] and [`event`] (what bodies mean) and ends at [`reply`] (answer → bytes) and [`code`] (how things fail).

pub mod admin;
pub mod channel;
pub mod code;
pub mod command;
pub mod event;
pub mod id;
pub mod integrations;
mod json;
pub mod limits;
pub mod reply;
pub mod rpc;
pub mod ws_frame;

pub use channel::Channel;
pub use code::{CloseCode, ErrorCode, Refusal, UnsubscribeCode};
pub use id::{ClientId, ConversationId, EntityKey, EntityKind, UserId};
