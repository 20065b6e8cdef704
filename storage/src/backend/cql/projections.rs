//! Derived writes → statements. Of several writes to one cell only the newest is sent; its timestamp is the row's seq, so that a late or repeated one changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use rialto_protocol::rpc::{ConversationKind, Role};
use rialto_protocol::{ConversationId, UserId};
use scylla::statement::prepared::PreparedStatement;

use super::consumers::PARTITIONS_AT_ONCE;
use super::core::{Core, limit};
use super::statements::Statements;
use super::value::{Values, big, flag, id, ordered, text, tiny};
use crate::derive::{Derived, OverlayCell, derive, part};
use crate::views::EVERYBODY;
use crate::{Row, StorageError};

/// One cell or group of cells with one source: what is newer replaces what is older.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cell {
    Meta,
    Title,
    Head,
    Active,
    Last,
    Role(UserId),
    Own(UserId),
    UserConversation(UserId),
    Overlay(u64, u64, String),
}

impl Cell {
    /// Which partition it lies in: the conversation's own, or another one.
    fn place(&self) -> Place {
        match self {
            Self::UserConversation(user) => Place::User(*user),
            Self::Overlay(part, ..) => Place::Overlay(*part),
            _ => Place::Conversation,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Conversation,
    User(UserId),
    Overlay(u64),
}

/// What a cell says.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Meta { kind: ConversationKind, created_ms: u64 },
    Title(String),
    Head { ordinal: u64 },
    Active { ms: u64 },
    Last,
    Role(Option<Role>),
    Own(u64),
    UserConversation { gone: bool },
    Overlay { gone: bool },
}

/// The newest content of each cell, with the seq of the row that says so.
pub(super) type Cells = BTreeMap<(ConversationId, Cell), (u64, Content)>;

/// The number by which a kind is stored. Never reuse one.
pub(super) fn kind_number(kind: ConversationKind) -> u8 {
    match kind {
        ConversationKind::Direct => 1,
        ConversationKind::Group => 2,
        ConversationKind::Public => 3,
    }
}

/// The number by which a role is stored; 0 = gone.
pub(super) fn role_number(role: Option<Role>) -> u8 {
    role.map_or(0, |role| role as u8)
}

/// The cell that a stored name is of.
pub(super) fn cell_at(part: u64, target: u64, name: String) -> Cell {
    Cell::Overlay(part, target, name)
}

/// The name of a cell of a message's overlay: as long as what it names, in one form.
fn cell_name(cell: &OverlayCell) -> String {
    match cell {
        OverlayCell::Edit => "edit".to_owned(),
        OverlayCell::Deletion => "deletion".to_owned(),
        OverlayCell::Reaction { user, emoji } => format!("reaction {} {emoji}", user.0),
    }
}

fn put(cells: &mut Cells, conversation: ConversationId, cell: Cell, seq: u64, content: Content) {
    let stands = cells.entry((conversation, cell)).or_insert_with(|| (seq, content.clone()));
    if seq > stands.0 {
        *stands = (seq, content);
    }
}

/// What follows from a row.
pub(super) fn collect(cells: &mut Cells, row: &Row, part_rows: u64) -> Result<(), StorageError> {
    for write in derive(row, part_rows).map_err(|error| limit("project rows", error))? {
        match write {
            Derived::Dedupe { .. } | Derived::Title { title: None, .. } => {}
            Derived::Meta { conversation, kind, created_ms } => {
                put(cells, conversation, Cell::Meta, row.seq, Content::Meta { kind, created_ms });
                if kind == ConversationKind::Public {
                    put(cells, conversation, Cell::UserConversation(EVERYBODY), row.seq, Content::UserConversation { gone: false });
                }
            }
            Derived::Title { conversation, seq, title: Some(title) } => put(cells, conversation, Cell::Title, seq, Content::Title(title)),
            Derived::Member { conversation, user, seq, role } => {
                put(cells, conversation, Cell::Role(user), seq, Content::Role(role));
                let gone = role.is_none();
                put(cells, conversation, Cell::UserConversation(user), seq, Content::UserConversation { gone });
            }
            Derived::Overlay { conversation, target, cell, seq, gone } => {
                let cell = Cell::Overlay(part(target, part_rows), target, cell_name(&cell));
                put(cells, conversation, cell, seq, Content::Overlay { gone });
            }
            Derived::Head { conversation, seq, ordinal, active_ms, message } => {
                put(cells, conversation, Cell::Head, seq, Content::Head { ordinal });
                if let Some(ms) = active_ms {
                    put(cells, conversation, Cell::Active, seq, Content::Active { ms });
                }
                if message {
                    put(cells, conversation, Cell::Last, seq, Content::Last);
                }
            }
            Derived::Own { conversation, user, seq, own } => put(cells, conversation, Cell::Own(user), seq, Content::Own(own)),
        }
    }
    Ok(())
}

fn statement(all: &Statements, of: ConversationId, cell: Cell, seq: u64, content: Content) -> Option<(&PreparedStatement, Values)> {
    let (at, of) = (big(seq), id(of.0));
    Some(match (cell, content) {
        (Cell::Meta, Content::Meta { kind, created_ms }) => (&all.conv_meta, vec![at, tiny(kind_number(kind)), big(created_ms), of]),
        (Cell::Title, Content::Title(title)) => (&all.conv_title, vec![at, text(title), of]),
        (Cell::Head, Content::Head { ordinal }) => (&all.conv_head, vec![at, big(seq), big(ordinal), of]),
        (Cell::Active, Content::Active { ms }) => (&all.conv_active, vec![at, big(ms), of]),
        (Cell::Last, Content::Last) => (&all.conv_last, vec![at, big(seq), of]),
        (Cell::Role(user), Content::Role(role)) => {
            (&all.member_role, vec![at, tiny(role_number(role)), flag(role.is_none()), of, ordered(user.0)])
        }
        (Cell::Own(user), Content::Own(own)) => (&all.member_own, vec![at, big(own), of, ordered(user.0)]),
        (Cell::UserConversation(user), Content::UserConversation { gone }) => (&all.user_conv_put, vec![at, flag(gone), id(user.0), of]),
        (Cell::Overlay(part, target, name), Content::Overlay { gone }) => {
            (&all.overlay_put, vec![at, big(seq), flag(gone), of, big(part), big(target), text(name)])
        }
        _ => return None,
    })
}

/// Writes the projections of rows: one mutation for each partition that they touch.
pub(super) async fn project(core: Arc<Core>, rows: Vec<Row>) -> Result<(), StorageError> {
    let mut cells = Cells::new();
    for row in &rows {
        collect(&mut cells, row, core.options.part_rows)?;
    }
    let mut batches: BTreeMap<(ConversationId, Place), Vec<(&PreparedStatement, Values)>> = BTreeMap::new();
    for ((conversation, cell), (seq, content)) in cells {
        let place = cell.place();
        batches.entry((conversation, place)).or_default().extend(statement(&core.statements, conversation, cell, seq, content));
    }
    let writes: Vec<_> = batches.into_values().map(|batch| core.write_batch("project rows", batch)).collect();
    stream::iter(writes).buffer_unordered(PARTITIONS_AT_ONCE).try_collect().await
}
