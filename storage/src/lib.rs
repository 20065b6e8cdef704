//! Where Rialto's truth lies: shard logs, entity rows with what is derived from them, blobs, accounts.
//!
//! Each trait is one concern with its guarantees written on it. The backends are an in-memory reference and redb (embedded); one conformance
//! suite runs against every one. Callers hold a [`Store`]: the traits of one backend, shared by all threads.

pub mod accounts;
pub mod backend;
pub mod backup;
pub mod blobs;
mod clock;
pub mod conformance;
pub mod consumers;
pub mod derive;
pub mod entity_rows;
pub mod error;
mod layout;
pub mod limits;
pub mod records;
pub mod row;
pub mod shard_log;
pub mod shared;
pub mod store;
pub mod views;

pub use error::{ErrorKind, StorageError};
pub use row::{Row, RowSender};
pub use store::{Pending, Store};
