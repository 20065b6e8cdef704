//! A backup of a store on a CQL engine, while it serves.
//!
//! There is no moment of the whole store to copy, so order makes up for it: what refers to rows is copied first, then the logs' tails are written to the entity rows, then those are
//! copied, then what rows refer to. So every row that was acknowledged before the backup began is in it; an entity's rows are a dense beginning of its log; no read marker
//! and no idempotency key points behind them; no row is of an account that the backup lacks.

use std::path::Path;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use rialto_protocol::{ConversationId, EntityKey, UserId};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::catch_up::catch_up;
use super::codec::{self, decode};
use super::core::Core;
use super::open::CqlStore;
use super::rows::{newest_part, range, snapshots};
use super::scan::{Scan, patiently};
use super::value::unsigned;
use super::{blobs, records};
use crate::accounts::{Account, BotToken, Family, IdempotentAnswer};
use crate::backup::{BackupError, BackupReport, Chunks, entry, write_folder};
use crate::derive::{derive, part};
use crate::entity_rows::RowRange;
use crate::layout::blob::split;
use crate::layout::keys::{self, BlobOwner};
use crate::layout::row::{Carry, encode_row};
use crate::limits::INLINE_BODY_BYTES_MAX;
use crate::views::ReadMark;
use crate::{Row, StorageError};

/// Rows that are read at once.
const PAGE_ROWS: usize = 128;
/// Entities whose first rows are read at once: most have no others.
const ENTITIES_AT_ONCE: usize = 8;

type Done = Result<(), BackupError>;

impl From<StorageError> for BackupError {
    fn from(error: StorageError) -> Self {
        Self::Store(error.to_string())
    }
}

impl CqlStore {
    /// Writes a backup into `folder`, which must not exist or be empty, while nodes go on serving. Every row acknowledged before it began is in it, and of each entity a dense
    /// beginning of its log. Blocks; memory is bounded. Not for the threads of a runtime.
    ///
    /// # Errors
    /// See [`BackupError`].
    pub fn backup(&self, folder: &Path) -> Result<BackupReport, BackupError> {
        let (runtime, core) = self.parts().ok_or(BackupError::Closed)?;
        write_folder(folder, self.generation(), |out| runtime.block_on(Box::pin(copy(core, out))))
    }
}

async fn copy(core: &Arc<Core>, out: &mut Chunks) -> Done {
    marks(core, out).await?;
    answers(core, out).await?;
    catch_up(core).await?;
    entities(core, out).await?;
    own_blobs(core, out).await?;
    let statements = &core.statements;
    let mut families = Records::<Family>::new("refresh families", &statements.family_records);
    while let Some(found) = families.next(core).await? {
        put(out, found.iter().flat_map(entry::of_family))?;
    }
    let mut bots = Records::<BotToken>::new("bot tokens", &statements.bots);
    while let Some(found) = bots.next(core).await? {
        put(out, found.iter().map(entry::of_bot))?;
    }
    let mut accounts = Records::<Account>::new("accounts", &statements.accounts);
    while let Some(found) = accounts.next(core).await? {
        put(out, found.iter().flat_map(entry::of_account))?;
    }
    let mut records = Scan::<records::Cells>::new("copy records", &statements.all_records, Vec::new());
    while let Some(found) = records.next(core).await? {
        let found = found.into_iter().map(records::stored).collect::<Result<Vec<_>, _>>()?;
        put(out, found.iter().map(|(key, version, data)| entry::of_record(*key, *version, data)))?;
    }
    let mut mutes = Scan::<(Uuid, i64)>::new("copy mutes", &statements.mutes, Vec::new());
    while let Some(found) = mutes.next(core).await? {
        put(out, found.into_iter().map(|(user, until)| entry::of_mute(UserId(user), unsigned(until))))?;
    }
    let mut revocations = Scan::<(Uuid, i64)>::new("copy revocations", &statements.revocations, Vec::new());
    while let Some(found) = revocations.next(core).await? {
        put(out, found.into_iter().map(|(id, until)| entry::of_revocation(id, unsigned(until))))?;
    }
    Ok(())
}

fn put(out: &mut Chunks, entries: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Done {
    for (key, value) in entries {
        out.add(&key, &value)?;
    }
    Ok(())
}

/// The records of a small table.
pub(super) struct Records<T> {
    what: &'static str,
    scan: Scan<(Option<Vec<u8>>,)>,
    _records: std::marker::PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Records<T> {
    pub(super) fn new(what: &'static str, statement: &scylla::statement::prepared::PreparedStatement) -> Self {
        Self { what, scan: Scan::new(what, statement, Vec::new()), _records: std::marker::PhantomData }
    }

    /// The next ones; a row whose record is gone has only its key left.
    pub(super) async fn next(&mut self, core: &Core) -> Result<Option<Vec<T>>, StorageError> {
        let Some(found) = self.scan.next(core).await? else { return Ok(None) };
        found.into_iter().filter_map(|(data,)| data).map(|data| decode(self.what, &data)).collect::<Result<_, _>>().map(Some)
    }
}

async fn marks(core: &Core, out: &mut Chunks) -> Done {
    let mut scan = Scan::<(Uuid, Uuid, i64, i64, i64)>::new("copy read markers", &core.statements.marks, Vec::new());
    while let Some(found) = scan.next(core).await? {
        put(
            out,
            found.into_iter().map(|(user, conversation, offset, ordinal, own)| {
                let mark = ReadMark { offset: unsigned(offset), ordinal: unsigned(ordinal), own: unsigned(own) };
                entry::of_mark(UserId(user), ConversationId(conversation), &mark)
            }),
        )?;
    }
    Ok(())
}

async fn answers(core: &Core, out: &mut Chunks) -> Done {
    type Cells = (String, String, Option<Vec<u8>>);
    let mut scan = Scan::<Cells>::new("copy idempotency keys", &core.statements.answer_records, Vec::new());
    while let Some(found) = scan.next(core).await? {
        for (scope, key, data) in found {
            let Some(data) = data else { continue };
            let answer: IdempotentAnswer = decode("copy idempotency keys", &data)?;
            put(out, [entry::of_answer(&scope, &key, &answer)])?;
        }
    }
    Ok(())
}

async fn own_blobs(core: &Core, out: &mut Chunks) -> Done {
    let mut scan = Scan::<(i8, Uuid, Uuid)>::new("copy blobs", &core.statements.own_blobs, Vec::new());
    while let Some(found) = scan.next(core).await? {
        for (kind, id, blob) in found {
            let of = codec::entity(kind, id)?;
            // Listed before it was stored, or removed meanwhile.
            if let Some(data) = patiently(|| blobs::get(core, of, blob)).await? {
                put(out, split(of, BlobOwner::Caller(blob), &data))?;
            }
        }
    }
    Ok(())
}

async fn page(core: &Core, of: EntityKey, from: u64) -> Result<Vec<Row>, StorageError> {
    patiently(|| range(core, of, RowRange { from, to: u64::MAX, limit: PAGE_ROWS, reverse: false })).await
}

async fn entities(core: &Arc<Core>, out: &mut Chunks) -> Done {
    let mut scan = Scan::<(i8, Uuid)>::new("list entities", &core.statements.entities, Vec::new());
    while let Some(found) = scan.next(core).await? {
        let entities = found.into_iter().map(|(kind, id)| codec::entity(kind, id)).collect::<Result<Vec<_>, _>>()?;
        let begun = entities.into_iter().map(|of| async move {
            // Before the rows: a snapshot of later rows than those is left out.
            let folded = patiently(|| snapshots(core, of)).await?;
            Ok::<_, BackupError>((of, folded, page(core, of, 1).await?))
        });
        let mut begun = stream::iter(begun).buffered(ENTITIES_AT_ONCE);
        while let Some(begun) = begun.next().await {
            let (of, folded, rows) = begun?;
            Box::pin(entity(core, out, of, folded, rows)).await?;
        }
    }
    Ok(())
}

async fn entity(core: &Arc<Core>, out: &mut Chunks, of: EntityKey, folded: Vec<(i64, Uuid)>, mut rows: Vec<Row>) -> Done {
    let (mut next, mut carry, mut caught_up) = (1, Carry::default(), false);
    loop {
        let is_last = rows.len() < PAGE_ROWS;
        let copied = dense(out, core.options.part_rows, &mut next, &mut carry, &rows)?;
        let gap = copied < rows.len() || is_last && goes_on(core, of, next).await?;
        if gap && caught_up {
            return Err(BackupError::Store(format!("row {next} of {of:?} is not there, and later ones are")));
        }
        if is_last && !gap {
            break;
        }
        if gap {
            // Two parts of one entity are written at once, in any order. What the log had of the first is there now.
            catch_up(core).await?;
            caught_up = true;
        }
        rows = page(core, of, next).await?;
    }
    for (seq, blob) in folded.into_iter().map(|(seq, blob)| (unsigned(seq), blob)).filter(|(seq, _)| *seq < next).rev() {
        // Else it has been replaced meanwhile, and rows are enough.
        if let Some(state) = patiently(|| blobs::get(core, of, blob)).await? {
            out.add(&keys::snapshot(of, seq), &[])?;
            put(out, split(of, BlobOwner::Snapshot(seq), &state))?;
        }
    }
    Ok(())
}

/// Whether there is a later part than the one in which the next row would stand.
async fn goes_on(core: &Core, of: EntityKey, next: u64) -> Result<bool, StorageError> {
    let newest = patiently(|| newest_part(core, of)).await?;
    Ok(newest.is_some_and(|newest| newest > part(next, core.options.part_rows)))
}

/// Copies rows up to the first that is missing; answers how many.
fn dense(out: &mut Chunks, part_rows: u64, next: &mut u64, carry: &mut Carry, rows: &[Row]) -> Result<usize, BackupError> {
    for (copied, row) in rows.iter().enumerate() {
        if row.seq != *next {
            return Ok(copied);
        }
        let derived = derive(row, part_rows).map_err(|error| BackupError::Store(error.to_string()))?;
        *carry = carry.after(&derived);
        let inline = row.body.len() <= INLINE_BODY_BYTES_MAX;
        out.add(&keys::row(row.entity, row.seq), &encode_row(row, *carry, inline))?;
        if !inline {
            put(out, split(row.entity, BlobOwner::Row(row.seq), &row.body))?;
        }
        *next += 1;
    }
    Ok(rows.len())
}
