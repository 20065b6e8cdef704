//! What nodes share beside the store: soft state that may be lost at any time without loss of truth. Whoever cannot reach it goes on with what the node itself knows.

use bytes::Bytes;
use uuid::Uuid;

use crate::Pending;

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Tokens that it holds at most.
    pub burst: u32,
    /// Milliseconds in which a whole burst comes back.
    pub refill_ms: u64,
}

/// Limits over all nodes.
///
/// **Guarantees.** Of many takes at once, on any nodes, no more are allowed than one after another.
/// **Not guaranteed.** That counts outlive a restart of the backend.
pub trait RateLimits: Send + Sync {
    /// Takes one token of a key's bucket. Answers 0, or the milliseconds after which there is one.
    fn take(&self, key: String, rate: Rate, now_ms: u64) -> Pending<u64>;
    /// Answers as [`RateLimits::take`] would, and takes none.
    fn look(&self, key: String, rate: Rate, now_ms: u64) -> Pending<u64>;
    /// Takes tokens that were used already: a bucket may owe as many as it holds. Answers 0, or the milliseconds after which there is one again.
    fn spend(&self, key: String, rate: Rate, tokens: u32, now_ms: u64) -> Pending<u64>;
}

/// Who is where, over all nodes. Entries expire by themselves: a node that dies takes nobody along for longer than that.
pub trait Presences: Send + Sync {
    /// These are there, or still are, until `until_ms`.
    fn put(&self, channel: String, clients: Vec<(Uuid, Bytes)>, until_ms: u64) -> Pending<()>;
    /// These are gone.
    fn remove(&self, channel: String, clients: Vec<Uuid>) -> Pending<()>;
    /// Everybody who is there at `now_ms`, in order of id.
    fn list(&self, channel: String, now_ms: u64) -> Pending<Vec<(Uuid, Bytes)>>;
}

/// News of sessions that are over, for the other nodes. The store holds the truth; this is only quicker.
pub trait RevocationNews: Send + Sync {
    /// A session is over; its last token would expire at `until_ms`.
    fn publish(&self, session: Uuid, until_ms: u64, now_ms: u64) -> Pending<()>;
    /// What was published since `since_ms`, with the end of each. Forgets what is over at `now_ms`.
    fn since(&self, since_ms: u64, now_ms: u64) -> Pending<Vec<(Uuid, u64)>>;
}

/// One ring of the doorbell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    /// Names the ring for [`Doorbell::done`].
    pub id: String,
    /// The job.
    pub job: String,
    /// How often it was given to a worker, this time included.
    pub deliveries: u64,
}

/// Tells workers that there are jobs. Jobs themselves are rows of the log, whose owner rings again when nothing comes of it.
///
/// **Guarantees.** While the backend keeps its memory, a ring is given to one worker at a time, and again to another when the first neither finished nor lives.
/// **Not guaranteed.** That a ring survives the backend's restart; that a job is done once.
pub trait Doorbell: Send + Sync {
    /// Rings for a job.
    fn ring(&self, kind: String, job: String) -> Pending<()>;
    /// Waits for rings, at most `wait_ms`. Rings that another worker holds for longer than `abandoned_ms` come first.
    fn answer(&self, kind: String, worker: String, abandoned_ms: u64, wait_ms: u64) -> Pending<Vec<Ring>>;
    /// The job's outcome is in the log.
    fn done(&self, kind: String, ring: String) -> Pending<()>;
    /// Nobody can do the job: puts it aside.
    fn bury(&self, kind: String, ring: Ring, cause: String) -> Pending<()>;
    /// What was put aside, oldest first, at most this many: job and cause.
    fn buried(&self, kind: String, limit: usize) -> Pending<Vec<(String, String)>>;
}
