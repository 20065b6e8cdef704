//! ScyllaDB, or Apache Cassandra 5: what both have in common.
//!
//! The shard logs are written by conditional single-partition batches on the partition's static fence; what follows from them by plain idempotent writes at quorum, each
//! with a timestamp of its own: an entity row its row time, a projection its entity's seq, a read marker its offset. Log tables never see a plain write, the
//! others never a delete that could come late. All statements are prepared. Requests run on a small runtime of their own, so that no arbiter decodes rows.

mod accounts;
mod backup;
mod blobs;
mod catch_up;
mod check;
mod codec;
mod consumers;
mod core;
mod families;
mod log;
mod metrics;
mod migrate;
mod mutes;
mod open;
mod options;
mod outcome;
mod projections;
mod records;
mod restore;
mod rows;
mod scan;
mod schema;
mod session;
mod statements;
mod tls;
mod tokens;
mod value;
mod verify;
mod views;

pub use open::{CqlError, CqlStore};
pub use options::{CqlOptions, CqlTls, Credentials};
pub use schema::SCHEMA_VERSION;
