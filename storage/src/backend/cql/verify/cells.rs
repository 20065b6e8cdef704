//! A conversation's projections against what its rows give. Every cell carries as timestamp the seq of the row that it follows from: one of a later row than were read is let pass, an
//! older one must be exactly as expected.

use futures_util::{StreamExt, TryStreamExt, stream};
use rialto_protocol::{ConversationId, UserId};
use uuid::Uuid;

use super::super::core::{Core, corrupt};
use super::super::projections::{Cell, Cells, Content, cell_at, kind_number, role_number};
use super::super::scan::{Scan, patiently};
use super::super::value::{big, id, unsigned};
use super::Done;
use super::entity::Seen;
use crate::derive::part;

/// Entries of lists that are read at once.
const READS_AT_ONCE: usize = 16;

/// A stored cell: its content, and the seq that it was written with.
type Stored<T> = (Option<T>, Option<i64>);

struct Check<'a> {
    of: ConversationId,
    seen: &'a mut Seen,
    expected: Cells,
}

impl Check<'_> {
    /// One stored cell against what is expected of it.
    fn cell<T: PartialEq>(&mut self, cell: Cell, (stored, written): Stored<T>, content: impl FnOnce(&Content) -> Option<T>) {
        let what = format!("{cell:?}");
        let expected = self.expected.remove(&(self.of, cell));
        let Some(written) = written.map(unsigned) else {
            if expected.is_some() {
                self.seen.problems.add(format_args!("{:?}: {what} is not there", self.seen.of));
            }
            return;
        };
        self.seen.cells += 1;
        if written > self.seen.top {
            return self.seen.follows(written);
        }
        let wanted = expected.and_then(|(seq, expected)| Some((seq, content(&expected)?)));
        if wanted.is_none_or(|(seq, wanted)| seq != written || stored.as_ref() != Some(&wanted)) {
            self.seen.problems.add(format_args!("{:?}: {what} is not what the rows say", self.seen.of));
        }
    }
}

/// Compares all of them, in both directions.
pub(super) async fn compare(core: &Core, of: ConversationId, expected: Cells, seen: &mut Seen) -> Done<()> {
    let mut check = Check { of, seen, expected };
    heading(core, &mut check).await?;
    people(core, &mut check).await?;
    for part in 0..=part(check.seen.top, core.options.part_rows) {
        overlays(core, &mut check, part).await?;
    }
    Box::pin(lists(core, &mut check)).await?;
    let Check { seen, expected, .. } = check;
    for (_, cell) in expected.into_keys() {
        seen.problems.add(format_args!("{:?}: {cell:?} is not there", seen.of));
    }
    Ok(())
}

async fn heading(core: &Core, check: &mut Check<'_>) -> Done<()> {
    type Number = Option<i64>;
    type Heading = (Option<i8>, Number, Number, Option<String>, Number, Number, Number, Number, Number, Number, Number, Number);
    let values = || vec![id(check.of.0)];
    let found: Option<Heading> = patiently(|| core.first("read a conversation", &core.statements.conv_cells, values())).await?;
    let Some((kind, made, created, title, titled, head, headed, ordinal, active, activated, last, lasted)) = found else { return Ok(()) };
    check.cell(Cell::Meta, (kind.zip(created), made), |content| match content {
        Content::Meta { kind, created_ms } => Some((i8::try_from(kind_number(*kind)).ok()?, i64::try_from(*created_ms).ok()?)),
        _ => None,
    });
    check.cell(Cell::Title, (title, titled), |content| match content {
        Content::Title(title) => Some(title.clone()),
        _ => None,
    });
    check.cell(Cell::Head, (head.zip(ordinal), headed), |content| match content {
        Content::Head { ordinal } => headed.zip(i64::try_from(*ordinal).ok()),
        _ => None,
    });
    check.cell(Cell::Active, (active, activated), |content| match content {
        Content::Active { ms } => i64::try_from(*ms).ok(),
        _ => None,
    });
    check.cell(Cell::Last, (last, lasted), |content| match content {
        Content::Last => lasted,
        _ => None,
    });
    Ok(())
}

async fn people(core: &Core, check: &mut Check<'_>) -> Done<()> {
    type Person = (Vec<u8>, Option<i8>, Option<bool>, Option<i64>, Option<i64>, Option<i64>);
    let mut scan = Scan::<Person>::new("read members", &core.statements.member_cells, vec![id(check.of.0)]);
    while let Some(found) = scan.next(core).await? {
        for (user, role, gone, changed, own, spoke) in found {
            let user = UserId(Uuid::from_slice(&user).map_err(|error| corrupt("read members", error))?);
            check.cell(Cell::Role(user), (role.zip(gone), changed), |content| match content {
                Content::Role(role) => Some((i8::try_from(role_number(*role)).ok()?, role.is_none())),
                _ => None,
            });
            check.cell(Cell::Own(user), (own, spoke), |content| match content {
                Content::Own(own) => i64::try_from(*own).ok(),
                _ => None,
            });
        }
    }
    Ok(())
}

async fn overlays(core: &Core, check: &mut Check<'_>, part: u64) -> Done<()> {
    type Change = (i64, String, Option<i64>, Option<bool>);
    let mut scan = Scan::<Change>::new("read what changed messages", &core.statements.overlay_cells, vec![id(check.of.0), big(part)]);
    while let Some(found) = scan.next(core).await? {
        for (target, name, seq, gone) in found {
            check.cell(cell_at(part, unsigned(target), name), (gone, seq), |content| match content {
                Content::Overlay { gone } => Some(*gone),
                _ => None,
            });
        }
    }
    Ok(())
}

/// The members' lists: one partition each.
async fn lists(core: &Core, check: &mut Check<'_>) -> Done<()> {
    let of = check.of;
    let users: Vec<UserId> =
        check.expected.keys().filter_map(|(_, cell)| if let Cell::UserConversation(user) = cell { Some(*user) } else { None }).collect();
    let read = stream::iter(users).map(|user| async move {
        let values = || vec![id(user.0), id(of.0)];
        let found: Option<Stored<bool>> = patiently(|| core.first("read a list", &core.statements.user_conv_cell, values())).await?;
        Ok::<_, crate::StorageError>((user, found.unwrap_or_default()))
    });
    let mut read = read.buffer_unordered(READS_AT_ONCE);
    while let Some((user, stored)) = read.try_next().await? {
        check.cell(Cell::UserConversation(user), stored, |content| match content {
            Content::UserConversation { gone } => Some(*gone),
            _ => None,
        });
    }
    Ok(())
}
