//! A shard: the owner of one fenced log and of the entities whose rows it carries. It activates, feeds and supervises them, gathers their rows into batches, and holds
//! every output of a log-backed entity until the rows that it was decided on are durable.
//!
//! [`state::Shard`] is the machine; [`log`] decides claims and appends; [`gather`] decides when; [`backlog`] decides what the consumers write; [`gate`] holds outputs; [`channels`] knows who listens; [`perform`] carries effects out.

pub mod backlog;
pub mod channels;
pub mod effect;
mod entity_map;
pub mod gate;
pub mod gather;
pub mod input;
pub mod log;
mod meters;
pub mod perform;
pub mod progress;
mod slot;
pub mod state;

pub use effect::ShardEffect;
pub use input::ShardInput;
pub use state::{RECLAIM_MS, Shard, ShardConfig};

#[cfg(test)]
mod tests;
