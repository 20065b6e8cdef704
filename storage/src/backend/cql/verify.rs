//! Reads a whole store and checks that it is what its rows say, while nodes go on serving.
//!
//! Rows, index and projections are written one after another, so that what is read may be between two writes. Whatever looks wrong is therefore only suspected at first: when the
//! logs' tails have been written by us too, it is looked at again, up to the row that had been seen, and is then either right or a problem.

mod cells;
mod entity;
mod records;

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use rialto_protocol::{ConversationId, EntityKey, UserId};
use uuid::Uuid;

use super::catch_up::catch_up;
use super::codec;
use super::core::Core;
use super::open::CqlStore;
use super::rows::row_at;
use super::scan::{Scan, patiently};
use super::value::{id, ordered, unsigned};
use super::views::is_public;
use crate::backup::{Problems, VerifyError, VerifyReport};
use crate::views::{EVERYBODY, ReadMark};
use crate::{ErrorKind, StorageError};

/// Entities, or records, that are looked at at once.
const AT_ONCE: usize = 8;
/// Suspicions that are kept before they are looked into.
const SUSPECTS_MAX: usize = 1_024;

type Done<T> = Result<T, StorageError>;

impl From<StorageError> for VerifyError {
    fn from(error: StorageError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl CqlStore {
    /// Checks the store while nodes go on serving: rows dense and in order of time, ordinals, the dedupe index and every projection equal to what a rebuild gives, every
    /// large body whole, every small record readable. Blocks; memory grows with one entity's members and reactions, not with its rows. Not for the threads of a runtime.
    ///
    /// # Errors
    /// See [`VerifyError`].
    pub fn verify(&self) -> Result<VerifyReport, VerifyError> {
        let (runtime, core) = self.parts().ok_or(VerifyError::Closed)?;
        runtime.block_on(Box::pin(verify(core)))
    }
}

/// What may be wrong, or only under way.
#[derive(Clone, Copy, Debug)]
enum Suspect {
    /// An entity, up to this row.
    Entity(EntityKey, u64),
    /// A row that something names.
    Row(EntityKey, u64),
    /// A user's list names a conversation that does not know the user.
    Listed(UserId, ConversationId),
    /// A marker that is not as its row says.
    Mark(ConversationId, ReadMark),
}

struct Verifier<'a> {
    core: &'a Arc<Core>,
    report: VerifyReport,
    problems: Problems,
    suspects: Vec<Suspect>,
}

async fn verify(core: &Arc<Core>) -> Result<VerifyReport, VerifyError> {
    let mut all = Verifier { core, report: VerifyReport::default(), problems: Problems::default(), suspects: Vec::new() };
    catch_up(core).await?;
    all.entities().await?;
    all.conversations().await?;
    all.lists().await?;
    all.marks().await?;
    all.settle().await?;
    records::check(core, &mut all.report, &mut all.problems).await?;
    all.problems.conclude(all.report)
}

impl Verifier<'_> {
    async fn entities(&mut self) -> Done<()> {
        let core = self.core;
        let mut scan = Scan::<(i8, Uuid)>::new("list entities", &core.statements.entities, Vec::new());
        while let Some(found) = scan.next(core).await? {
            let entities = found.into_iter().map(|(kind, id)| codec::entity(kind, id)).collect::<Done<Vec<_>>>()?;
            let mut seen = stream::iter(entities).map(|of| Box::pin(entity::check(core, of, u64::MAX))).buffer_unordered(AT_ONCE);
            while let Some(seen) = seen.try_next().await? {
                self.report.entities += u64::from(seen.rows > 0);
                self.report.rows += seen.rows;
                self.report.dedupe_entries += seen.dedupe_entries;
                self.report.cells += seen.cells;
                self.report.blobs += seen.blobs;
                if seen.problems.count > 0 {
                    self.suspects.push(Suspect::Entity(seen.of, seen.top));
                } else {
                    self.suspects.extend(seen.newer.map(|seq| Suspect::Row(seen.of, seq)));
                }
            }
            drop(seen);
            self.settle_many().await?;
        }
        Ok(())
    }

    /// A conversation's heading without rows.
    async fn conversations(&mut self) -> Done<()> {
        let core = self.core;
        let mut scan = Scan::<(Uuid,)>::new("list conversations", &core.statements.conversations, Vec::new());
        while let Some(found) = scan.next(core).await? {
            let firsts = found.into_iter().map(|(id,)| (ConversationId(id).into(), 1));
            let looked =
                stream::iter(firsts).map(|(of, seq)| async move { Ok::<_, StorageError>((of, seq, row_exists(core, of, seq).await?)) });
            let looked: Vec<(EntityKey, u64, bool)> = looked.buffer_unordered(AT_ONCE).try_collect().await?;
            self.suspects.extend(looked.into_iter().filter(|(.., is_there)| !is_there).map(|(of, seq, _)| Suspect::Row(of, seq)));
            self.settle_many().await?;
        }
        Ok(())
    }

    async fn lists(&mut self) -> Done<()> {
        let core = self.core;
        let mut scan = Scan::<(Uuid, Uuid)>::new("read lists", &core.statements.user_conv_all, Vec::new());
        while let Some(found) = scan.next(core).await? {
            self.report.cells += found.len() as u64;
            let entries = found.into_iter().map(|(user, conversation)| (UserId(user), ConversationId(conversation)));
            let looked = stream::iter(entries)
                .map(|(user, of)| async move { Ok::<_, StorageError>((user, of, is_known(core, user, of).await?)) })
                .buffer_unordered(AT_ONCE);
            let looked: Vec<(UserId, ConversationId, bool)> = looked.try_collect().await?;
            self.suspects.extend(looked.into_iter().filter(|(.., known)| !known).map(|(user, of, _)| Suspect::Listed(user, of)));
            self.settle_many().await?;
        }
        Ok(())
    }

    async fn marks(&mut self) -> Done<()> {
        let core = self.core;
        let mut scan = Scan::<(Uuid, Uuid, i64, i64, i64)>::new("read markers", &core.statements.marks, Vec::new());
        while let Some(found) = scan.next(core).await? {
            self.report.cells += found.len() as u64;
            let marks = found.into_iter().map(|(_, conversation, offset, ordinal, own)| {
                let mark = ReadMark { offset: unsigned(offset), ordinal: unsigned(ordinal), own: unsigned(own) };
                (ConversationId(conversation), mark)
            });
            let looked = stream::iter(marks)
                .map(|(of, mark)| async move { Ok::<_, StorageError>((of, mark, is_exact(core, of, mark).await?)) })
                .buffer_unordered(AT_ONCE);
            let looked: Vec<(ConversationId, ReadMark, bool)> = looked.try_collect().await?;
            self.suspects.extend(looked.into_iter().filter(|(.., exact)| !exact).map(|(of, mark, _)| Suspect::Mark(of, mark)));
            self.settle_many().await?;
        }
        Ok(())
    }

    async fn settle_many(&mut self) -> Done<()> {
        if self.suspects.len() < SUSPECTS_MAX { Ok(()) } else { self.settle().await }
    }

    /// Looks again at what was suspected.
    async fn settle(&mut self) -> Done<()> {
        while !self.suspects.is_empty() {
            catch_up(self.core).await?;
            for suspect in std::mem::take(&mut self.suspects) {
                self.look_again(suspect).await?;
            }
        }
        Ok(())
    }

    async fn look_again(&mut self, suspect: Suspect) -> Done<()> {
        let core = self.core;
        match suspect {
            Suspect::Entity(of, top) => {
                let seen = Box::pin(entity::check(core, of, top)).await?;
                self.problems.extend(seen.problems);
                self.suspects.extend(seen.newer.map(|seq| Suspect::Row(of, seq)));
            }
            Suspect::Row(of, seq) => {
                if !row_exists(core, of, seq).await? {
                    self.problems.add(format_args!("{of:?}: row {seq} is not there, and something follows from it"));
                }
            }
            Suspect::Listed(user, of) => {
                if !is_known(core, user, of).await? {
                    self.problems
                        .add(format_args!("the list of user {} names conversation {}, which does not know the user", user.0, of.0));
                }
            }
            Suspect::Mark(of, mark) => {
                if !is_exact(core, of, mark).await? {
                    self.problems.add(format_args!("a marker at row {} of conversation {} does not count its messages", mark.offset, of.0));
                }
            }
        }
        Ok(())
    }
}

/// Whether a row is there, whatever is wrong with its body: that is told elsewhere.
async fn row_exists(core: &Core, of: EntityKey, seq: u64) -> Done<bool> {
    match patiently(|| row_at(core, of, seq)).await {
        Ok(row) => Ok(row.is_some()),
        Err(error) if error.kind == ErrorKind::Corrupt => Ok(true),
        Err(error) => Err(error),
    }
}

async fn is_known(core: &Core, user: UserId, of: ConversationId) -> Done<bool> {
    type Cells = (Option<i8>, Option<bool>, Option<i64>);
    if user == EVERYBODY {
        return patiently(|| is_public(core, of)).await;
    }
    let found: Option<Cells> =
        patiently(|| core.first("read a member", &core.statements.member_get, vec![id(of.0), ordered(user.0)])).await?;
    Ok(found.is_some_and(|(_, gone, _)| gone.is_some()))
}

/// Whether a marker counts the messages up to its row. Nobody has read anything at row 0.
async fn is_exact(core: &Core, of: ConversationId, mark: ReadMark) -> Done<bool> {
    if mark.offset == 0 {
        return Ok(mark.ordinal == 0 && mark.own == 0);
    }
    match patiently(|| row_at(core, of.into(), mark.offset)).await {
        Ok(row) => Ok(row.is_some_and(|row| row.ordinal == mark.ordinal && mark.own <= mark.ordinal)),
        Err(error) if error.kind == ErrorKind::Corrupt => Ok(true),
        Err(error) => Err(error),
    }
}
