//! The embedded store: redb behind one writer thread that commits for all shards at once.
//!
//! A write is a job in a bounded queue. The writer takes all that wait, applies them in one transaction together with everything derived from them,
//! commits it with fsync and completes them. Reads run on a few threads of their own, each over the newest commit, so that no arbiter ever waits
//! for a disk. Files: `store.redb` and `lock` in the data folder.

mod accounts;
mod apply;
mod backup;
mod blobs;
mod checkpoint;
mod codec;
mod families;
mod job;
mod journal;
mod keys;
mod kv;
mod layers;
mod lock;
mod log;
mod medium;
mod metrics;
mod open;
mod overlay;
mod queue;
mod reader;
mod record;
mod restore;
mod rows;
mod space;
mod tokens;
mod verify;
mod view;
mod views;
mod writer;

pub use backup::{BackupError, BackupReport, Manifest, ManifestChunk};
pub use medium::{FileMedium, Medium};
pub use open::{OpenError, RedbOptions, RedbStore};
pub use restore::{RestoreError, RestoreReport, restore};
pub use verify::{VerifyError, VerifyReport};
