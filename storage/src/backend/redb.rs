//! The embedded store: redb behind one writer thread that commits for all shards at once.
//!
//! A write is a job in a bounded queue. The writer takes all that wait, works out their cells together with everything derived from them, writes these as one
//! record to the journal, syncs it and completes them. The cells then stand in memory in front of the tree (redb) until a whole file of the journal is moved there,
//! in one transaction, by the checkpoint thread. Reads run on a few threads of their own, each over memory and tree as of the newest commit, so that no arbiter ever waits
//! for a disk. Files: `store.redb`, `journal-0`, `journal-1` and `lock` in the data folder.

mod accounts;
mod apply;
mod backup;
mod blobs;
mod checkpoint;
mod codec;
mod families;
mod job;
mod journal;
mod kv;
mod layers;
mod lock;
mod log;
mod medium;
mod metrics;
mod mutes;
mod open;
mod overlay;
mod paced;
mod queue;
mod reader;
mod record;
mod records;
mod restore;
mod rows;
mod space;
mod tokens;
mod verify;
mod view;
mod views;
mod writer;

use crate::layout::keys;

pub use medium::{FileMedium, Medium};
pub use open::{OpenError, RedbOptions, RedbStore};
pub use restore::restore;
