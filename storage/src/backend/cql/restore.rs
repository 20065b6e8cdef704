//! A backup into an empty keyspace. What is under way stands in the store's own records, so that nobody serves a half: a restore that was broken off is done again.

use std::path::Path;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use rialto_protocol::EntityKey;
use tokio::runtime::Handle;

use super::blobs::{self, put_own};
use super::codec::{body_blob, encode};
use super::consumers::write_rows;
use super::core::Core;
use super::open::{CqlStore, GENERATION};
use super::projections::project;
use super::rows::put_snapshot;
use super::scan::patiently;
use super::schema::TABLES;
use super::value::{big, bytes, id, text};
use super::{accounts, mutes, outcome, records};
use crate::accounts::Account;
use crate::backup::blobs::{Assembly, Blob, Bodies};
use crate::backup::entry::{self, Entry};
use crate::backup::reader::{self, Entries, RawEntry};
use crate::backup::{Manifest, RestoreError, RestoreReport};
use crate::derive::derive;
use crate::entity_rows::Snapshot;
use crate::layout::keys::BlobOwner;
use crate::layout::row::Stored;
use crate::{Row, StorageError, clock};

/// The record that says which backup is being restored: the sha-256 of its manifest. Nothing else is done with the store meanwhile.
pub(super) const RESTORING: &str = "restoring";
/// Rows written at once.
const ROWS_AT_ONCE: usize = 256;
/// Bytes of bodies written at once, the last row excepted.
const BYTES_AT_ONCE: usize = 1024 * 1024;
/// Small records written at once.
const RECORDS_AT_ONCE: usize = 32;

type Done<T> = Result<T, RestoreError>;

impl From<StorageError> for RestoreError {
    fn from(error: StorageError) -> Self {
        Self::Store(error.to_string())
    }
}

fn damaged(what: impl ToString) -> RestoreError {
    RestoreError::Damaged(what.to_string())
}

impl CqlStore {
    /// Fills an empty keyspace with the backup in `folder` and begins a new generation. Blocks; memory is bounded. Every checksum is checked before anything is written.
    /// Until it has come to its end the keyspace cannot be opened otherwise; the same restore may be done again.
    ///
    /// # Errors
    /// See [`RestoreError`].
    pub fn restore(&self, folder: &Path) -> Done<RestoreReport> {
        let (runtime, core) = self.parts().ok_or_else(|| RestoreError::Store("it is closed".to_owned()))?;
        let manifest = reader::open(folder)?;
        runtime.block_on(begin(core, &manifest))?;
        let mut fill = Fill::new(runtime, core, folder, &manifest);
        let mut entries = Entries::of(folder, &manifest);
        while let Some(entry) = entries.next()? {
            fill.add(entry)?;
        }
        let (rows, entries) = fill.end()?;
        if (rows, entries) != (manifest.rows, manifest.entries) {
            return Err(damaged(format!("it has {rows} rows and {entries} entries, not as its manifest says")));
        }
        let generation = runtime.block_on(end(core, &manifest))?;
        Ok(RestoreReport { rows, entries, generation })
    }
}

/// Takes the keyspace for this backup.
async fn begin(core: &Arc<Core>, manifest: &Manifest) -> Done<()> {
    let keyspace = || format!("keyspace {}", core.options.keyspace);
    let standing = core.record(RESTORING).await?;
    if standing.is_none() {
        for table in TABLES {
            if !is_empty(core, table).await? {
                return Err(RestoreError::NotEmpty(keyspace()));
            }
        }
    }
    match standing {
        Some(standing) if standing != manifest.sha256 => Err(RestoreError::Unfinished(keyspace())),
        Some(_) => Ok(()),
        None => match core.replace_record(RESTORING, None, manifest.sha256.clone()).await? {
            stands if stands == manifest.sha256 => Ok(()),
            _ => Err(RestoreError::Unfinished(keyspace())),
        },
    }
}

async fn is_empty(core: &Core, table: &str) -> Result<bool, StorageError> {
    let what = "look whether the keyspace is empty";
    let result = patiently(|| async {
        let found = core.session.query_unpaged(format!("SELECT * FROM {table} LIMIT 1"), ()).await;
        found.map_err(|error| outcome::failure(what, &error))
    });
    let rows = result.await?.into_rows_result().map_err(|error| super::core::corrupt(what, error))?;
    Ok(rows.rows_num() == 0)
}

/// A new life begins: no client's position of the old one means anything in it.
async fn end(core: &Arc<Core>, manifest: &Manifest) -> Done<Arc<str>> {
    let generation = crate::store::new_generation().map_err(|error| RestoreError::Store(error.to_string()))?;
    let before = core.record(GENERATION).await?;
    let generation = core.replace_record(GENERATION, before, generation).await?;
    patiently(|| core.conditional("end the restore", &core.statements.meta_cut, vec![text(RESTORING), text(manifest.sha256.clone())]))
        .await?;
    Ok(generation.into())
}

/// The entity whose rows are coming.
struct Current {
    entity: EntityKey,
    seq: u64,
    time_ms: u64,
}

/// Takes entries one by one and writes them, many at once.
struct Fill<'a> {
    runtime: &'a Handle,
    core: &'a Arc<Core>,
    bodies: Bodies,
    assembly: Assembly,
    current: Option<Current>,
    waiting: Vec<Row>,
    waiting_bytes: usize,
    records: Vec<Entry>,
    rows: u64,
    entries: u64,
}

impl<'a> Fill<'a> {
    fn new(runtime: &'a Handle, core: &'a Arc<Core>, folder: &Path, manifest: &Manifest) -> Self {
        let bodies = Bodies::of(folder, manifest);
        let (assembly, waiting, records) = (Assembly::default(), Vec::new(), Vec::new());
        Self { runtime, core, bodies, assembly, current: None, waiting, waiting_bytes: 0, records, rows: 0, entries: 0 }
    }

    fn add(&mut self, (key, value): RawEntry) -> Done<()> {
        self.entries += 1;
        match entry::read(&key, value).map_err(damaged)? {
            Entry::Row(stored) => self.row(*stored),
            Entry::BlobHead(entity, owner, head) => match self.assembly.begin(entity, owner, head)? {
                Some(blob) => self.blob(&blob),
                None => Ok(()),
            },
            Entry::BlobPart(entity, owner, part) => match self.assembly.part(entity, owner, &part)? {
                Some(blob) => self.blob(&blob),
                None => Ok(()),
            },
            Entry::Implied => Ok(()),
            record => {
                self.records.push(record);
                if self.records.len() >= RECORDS_AT_ONCE { self.write_records() } else { Ok(()) }
            }
        }
    }

    fn row(&mut self, stored: Stored) -> Done<()> {
        let Stored { mut row, blob, .. } = stored;
        let (seq, time_ms) = match &self.current {
            Some(current) if current.entity == row.entity => (current.seq, current.time_ms),
            _ => (0, 0),
        };
        if row.seq != seq + 1 || row.time_ms < time_ms {
            return Err(damaged(format!("row {} of {:?} does not follow row {seq}", row.seq, row.entity)));
        }
        self.current = Some(Current { entity: row.entity, seq: row.seq, time_ms: row.time_ms });
        if blob.is_some() {
            row.body = self.bodies.body(row.entity, row.seq)?;
        }
        if let Some(blob) = body_blob(&row) {
            self.runtime.block_on(patiently(|| blobs::put(self.core, row.entity, blob, &row.body)))?;
        }
        derive(&row, self.core.options.part_rows).map_err(damaged)?;
        self.rows += 1;
        self.waiting_bytes += row.body.len();
        self.waiting.push(row);
        let is_full = self.waiting.len() >= ROWS_AT_ONCE || self.waiting_bytes >= BYTES_AT_ONCE;
        if is_full { self.write_waiting() } else { Ok(()) }
    }

    fn write_waiting(&mut self) -> Done<()> {
        let rows = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        let core = self.core;
        self.runtime.block_on(async {
            patiently(|| write_rows(Arc::clone(core), rows.clone())).await?;
            Ok(patiently(|| project(Arc::clone(core), rows.clone())).await?)
        })
    }

    /// The body of a row is written in front of its row.
    fn blob(&self, blob: &Blob) -> Done<()> {
        let (core, of, data) = (self.core, blob.entity, &blob.data);
        match blob.owner {
            BlobOwner::Row(_) => Ok(()),
            BlobOwner::Caller(id) => Ok(self.runtime.block_on(patiently(|| put_own(core, of, id, data)))?),
            BlobOwner::Snapshot(seq) => {
                let snapshot = Snapshot { seq, state: data.clone() };
                Ok(self.runtime.block_on(patiently(|| put_snapshot(core, of, snapshot.clone())))?)
            }
        }
    }

    fn write_records(&mut self) -> Done<()> {
        let records = std::mem::take(&mut self.records);
        let core = self.core;
        let writes = records.iter().map(|record| Box::pin(write_record(core, record)));
        self.runtime.block_on(stream::iter(writes).buffer_unordered(RECORDS_AT_ONCE).try_collect())
    }

    /// Writes what still waits; answers rows and entries.
    fn end(mut self) -> Done<(u64, u64)> {
        self.write_waiting()?;
        self.write_records()?;
        self.assembly.end()?;
        Ok((self.rows, self.entries))
    }
}

async fn write_record(core: &Core, record: &Entry) -> Done<()> {
    let (what, all) = ("restore a record", &core.statements);
    match record {
        Entry::Account(account) => return write_account(core, account).await,
        Entry::Family(family) => {
            patiently(|| core.write(what, &all.user_family_put, vec![id(family.user.0), id(family.id)])).await?;
            let values = || vec![id(family.id), id(family.user.0), big(family.serial), big(family.expires_ms), bytes(&encode(family))];
            patiently(|| core.conditional(what, &all.family_make, values())).await?;
        }
        Entry::Bot(token) => patiently(|| core.write(what, &all.bot_put, vec![id(token.id), bytes(&encode(token))])).await?,
        Entry::Revocation(of, until) => patiently(|| core.write(what, &all.revoke, vec![id(*of), big(*until), big(*until)])).await?,
        Entry::Record(key, version, data) => patiently(|| records::restore(core, *key, *version, data)).await?,
        Entry::Mute(user, until_ms) => {
            patiently(|| core.write(what, &all.mute_put, mutes::values(*user, *until_ms, clock::wall_ms()))).await?;
        }
        Entry::Answer(scope, key, answer) => {
            let values = || vec![text(scope), text(key), big(answer.expires_ms), bytes(&encode(answer))];
            patiently(|| core.conditional(what, &all.answer_make, values())).await?;
        }
        Entry::Mark(user, conversation, mark) => {
            let values = || vec![id(user.0), id(conversation.0), big(mark.offset), big(mark.ordinal), big(mark.own), big(mark.offset)];
            patiently(|| core.write(what, &all.mark_put, values())).await?;
        }
        Entry::Row(_) | Entry::BlobHead(..) | Entry::BlobPart(..) | Entry::Implied => {}
    }
    Ok(())
}

/// Name and account, whichever of them an earlier try has left.
async fn write_account(core: &Core, account: &Account) -> Done<()> {
    match patiently(|| accounts::restore(core, account)).await? {
        true => Ok(()),
        false => Err(damaged(format!("two accounts have the name {:?}", account.username_key))),
    }
}
