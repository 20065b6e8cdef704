//! Derived writes → cells. Rows come in order here, so that "the later seq wins" is simply the order of writing.

use rialto_protocol::rpc::{ConversationKind, Role};
use rialto_protocol::{ConversationId, UserId};
use serde::{Deserialize, Serialize};

use super::codec::{decode, encode};
use super::keys;
use super::kv::{Cells, Engine};
use crate::derive::Derived;
use crate::views::EVERYBODY;

/// What a conversation is, with how many members it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MetaCell {
    /// Its kind; absent until the creation is seen.
    pub(crate) kind: Option<ConversationKind>,
    /// Row time of its first row.
    pub(crate) created_ms: u64,
    /// Its title.
    pub(crate) title: Option<String>,
    /// Members that are not gone.
    pub(crate) members: u64,
}

const NO_META: MetaCell = MetaCell { kind: None, created_ms: 0, title: None, members: 0 };

/// One user in one conversation, gone or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MemberCell {
    /// The role; `None` = gone, or never a member.
    pub(crate) role: Option<Role>,
    /// Messages sent.
    pub(crate) own: u64,
}

/// Applies one row's derived writes.
pub(crate) fn apply(cells: &mut impl Cells, derived: &[Derived]) -> Engine<()> {
    for write in derived {
        match write {
            Derived::Dedupe { entity, sender, position, .. } => {
                cells.put(keys::dedupe(*entity, sender.user, &sender.client_id), encode(&(position.seq, position.time_ms)));
            }
            Derived::Meta { conversation, kind, created_ms } => {
                change_meta(cells, *conversation, |meta| {
                    meta.kind = Some(*kind);
                    meta.created_ms = *created_ms;
                })?;
                if *kind == ConversationKind::Public {
                    cells.put(keys::user_conversation(EVERYBODY, *conversation), Vec::new());
                }
            }
            Derived::Title { conversation, title, .. } => change_meta(cells, *conversation, |meta| meta.title.clone_from(title))?,
            Derived::Member { conversation, user, role, .. } => member(cells, *conversation, *user, *role)?,
            Derived::Overlay { conversation, target, cell, seq, gone } => {
                let key = keys::overlay(*conversation, *target, cell);
                if *gone { cells.delete(key) } else { cells.put(key, encode(seq)) }
            }
            // Rides in the row.
            Derived::Head { .. } => {}
            Derived::Own { conversation, user, own, .. } => {
                let key = keys::member(*conversation, *user);
                let before = read_member(cells, &key)?;
                cells.put(key, encode(&MemberCell { own: *own, ..before }));
            }
        }
    }
    Ok(())
}

fn change_meta(cells: &mut impl Cells, conversation: ConversationId, change: impl FnOnce(&mut MetaCell)) -> Engine<()> {
    let key = keys::meta(conversation);
    let mut meta = match cells.cell(&key)? {
        Some(value) => decode("conversation", &value)?,
        None => NO_META,
    };
    change(&mut meta);
    cells.put(key, encode(&meta));
    Ok(())
}

fn read_member(cells: &impl Cells, key: &[u8]) -> Engine<MemberCell> {
    Ok(cells.cell(key)?.map(|value| decode("member", &value)).transpose()?.unwrap_or_default())
}

fn member(cells: &mut impl Cells, conversation: ConversationId, user: UserId, role: Option<Role>) -> Engine<()> {
    let key = keys::member(conversation, user);
    let before = read_member(cells, &key)?;
    cells.put(key, encode(&MemberCell { role, ..before }));
    let of_user = keys::user_conversation(user, conversation);
    match (before.role, role) {
        (None, Some(_)) => {
            cells.put(of_user, Vec::new());
            change_meta(cells, conversation, |meta| meta.members += 1)
        }
        (Some(_), None) => {
            cells.delete(of_user);
            change_meta(cells, conversation, |meta| meta.members = meta.members.saturating_sub(1))
        }
        _ => Ok(()),
    }
}
