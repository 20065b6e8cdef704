//! Limits of one conversation in memory, each with its unit, its reason and what happens when it is hit.

/// How much of a conversation is kept in memory and when it is folded. The product has one size; simulations have smaller ones, so that within a short run rows
/// leave memory, look-ups reach the store and snapshots are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConversationSizes {
    /// Rows kept in memory behind the applied seq.
    pub recent_rows_max: u64,
    /// Rows behind a snapshot after which the next is due.
    pub snapshot_rows: u64,
}

impl Default for ConversationSizes {
    fn default() -> Self {
        Self { recent_rows_max: RECENT_ROWS_MAX, snapshot_rows: SNAPSHOT_ROWS }
    }
}

/// Rows kept in memory behind the applied seq: recovery, deduplication and reactions to recent messages need no read. Older ones leave.
pub(crate) const RECENT_ROWS_MAX: u64 = 256;
/// Bytes of rows kept in memory behind the applied seq. Older ones leave.
pub(crate) const RECENT_BYTES_MAX: usize = 256 * 1024;
/// Bytes that a row costs in memory beside its body.
pub(crate) const ROW_OVERHEAD_BYTES: usize = 192;
/// Rows behind a snapshot after which the next is due: bounds what activation folds.
pub(crate) const SNAPSHOT_ROWS: u64 = 1_000;
/// Bytes of bodies behind a snapshot after which the next is due: 1,000 rows of the largest text would be 32 MiB to parse.
pub(crate) const SNAPSHOT_BYTES: usize = 1024 * 1024;
/// Store look-ups for commands that are under way at once. Above: they wait.
pub(crate) const LOOKUPS_MAX: usize = 8;
/// Look-ups of one command; facts that grew old under load are looked up again. Above: `overloaded`.
pub(crate) const LOOKUPS_PER_COMMAND_MAX: u8 = 6;
/// Commands that wait for look-ups. Above: `overloaded`.
pub(crate) const WAITING_MAX: usize = 1_024;
/// Of these, one user's: nobody can take all the places. Above: `overloaded`.
pub(crate) const WAITING_PER_USER_MAX: usize = 256;
/// Reads (pages, recoveries, markers) under way at once. Above: `overloaded`.
pub(crate) const READS_MAX: usize = 4_096;
/// Further reads of a recovery whose rows left memory while it was read. Above: not recovered.
pub(crate) const REREADS_MAX: usize = 3;
/// Reads of [`rialto_storage::limits::READ_ROWS_MAX`] rows that look for one's own next row behind an old read marker. Above: `invalid_argument`.
pub(crate) const MARK_READS_MAX: u8 = 16;
/// Milliseconds between two rounds of inbox news.
pub(crate) const NEWS_INTERVAL_MS: u64 = 1_000;
/// Milliseconds after which an overloaded caller may come back.
pub(crate) const RETRY_AFTER_MS: u32 = 250;
/// Ids that the first generation of the filter of known ids holds; each next one holds twice as many, up to [`SEEN_IDS_MAX`].
pub(crate) const SEEN_IDS_FIRST: usize = 256;
/// Ids that one generation holds at most.
pub(crate) const SEEN_IDS_MAX: usize = 128 * 1024;
/// Bits of the filter per id: with six probes one id in a thousand is looked up in vain.
pub(crate) const SEEN_BITS_PER_ID: usize = 16;
/// Bytes of all generations. Above: the oldest leaves, and its ids are looked up in the store.
pub(crate) const SEEN_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Milliseconds after which a generation leaves: ids are mostly dated now, and ten minutes are allowed for clocks.
pub(crate) const SEEN_AGE_MS: u64 = 30 * 60 * 1000;

const _: () = assert!(WAITING_PER_USER_MAX < WAITING_MAX, "one user must not fill the queue");
const _: () = assert!(SEEN_IDS_MAX * SEEN_BITS_PER_ID / 8 * 4 <= SEEN_BYTES_MAX, "several full generations must fit");
