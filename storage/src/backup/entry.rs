//! What an entry of a backup is.

use rialto_protocol::{ConversationId, EntityKey, UserId};
use uuid::Uuid;

use crate::accounts::{Account, BotToken, Family, IdempotentAnswer};
use crate::layout::blob::BlobHead;
use crate::layout::keys::{self, BlobOwner, section, space};
use crate::layout::row::{Stored, decode_row};
use crate::layout::{Unreadable, decode, decode_family, encode};
use crate::records::RecordKey;
use crate::views::ReadMark;

/// One entry, read.
#[derive(Debug)]
pub(crate) enum Entry {
    /// An entity's row; a large body is among the blobs.
    Row(Box<Stored>),
    /// The head of a large body.
    BlobHead(EntityKey, BlobOwner, BlobHead),
    /// A part of a large body.
    BlobPart(EntityKey, BlobOwner, Vec<u8>),
    /// How far somebody has read.
    Mark(UserId, ConversationId, ReadMark),
    /// A user.
    Account(Account),
    /// A login.
    Family(Family),
    /// A bot's token.
    Bot(BotToken),
    /// What no longer counts, and until when that has to be known.
    Revocation(Uuid, u64),
    /// A small record, with its version.
    Record(RecordKey, u64, Vec<u8>),
    /// Who may not speak, and until when.
    Mute(UserId, u64),
    /// What a request's key stands for.
    Answer(String, String, IdempotentAnswer),
    /// Says nothing that another entry does not say.
    Implied,
}

/// Whether an entry belongs into a backup: what cannot be derived.
pub(crate) fn is_kept(key: &[u8]) -> bool {
    match key.first() {
        Some(&space::ENTITY) => matches!(key.get(keys::ENTITY_PREFIX_BYTES), Some(&(section::ROW | section::SNAPSHOT))),
        Some(&(space::STORE | space::LOG | space::DEDUPE | space::USER_CONVERSATION)) | None => false,
        Some(_) => true,
    }
}

/// Whether an entry is an entity row.
pub(crate) fn is_row(key: &[u8]) -> bool {
    key.first() == Some(&space::ENTITY) && key.get(keys::ENTITY_PREFIX_BYTES) == Some(&section::ROW)
}

/// The entity and the seq that a row's key says.
pub(crate) fn row_key(key: &[u8]) -> Option<(EntityKey, u64)> {
    keys::entity_of(key).zip(keys::last_number(key)).filter(|_| key.len() == keys::ENTITY_PREFIX_BYTES + 9)
}

/// Reads an entry.
///
/// # Errors
/// When it is none of a backup's.
pub(crate) fn read(key: &[u8], value: Vec<u8>) -> Result<Entry, Unreadable> {
    let unknown = || Unreadable("key of an entry".to_owned());
    let space = key.first().copied().filter(|_| is_kept(key)).ok_or_else(unknown)?;
    Ok(match space {
        space::ENTITY if is_row(key) => {
            let (entity, seq) = row_key(key).ok_or_else(unknown)?;
            Entry::Row(Box::new(decode_row(entity, seq, &value)?))
        }
        // A snapshot is told by its blob, an account's name and a user's logins by account and login.
        space::ENTITY | space::USERNAME | space::FAMILY_OF_USER => Entry::Implied,
        space::MARK => {
            let user = key.get(1..17).and_then(|id| Uuid::from_slice(id).ok()).ok_or_else(unknown)?;
            let conversation = keys::last_id(key).filter(|_| key.len() == 33).ok_or_else(unknown)?;
            Entry::Mark(UserId(user), ConversationId(conversation), decode("read marker", &value)?)
        }
        space::BLOB => match keys::blob_of(key).ok_or_else(unknown)? {
            (entity, owner, 0) => Entry::BlobHead(entity, owner, decode("head of a blob", &value)?),
            (entity, owner, _) => Entry::BlobPart(entity, owner, value),
        },
        space::ACCOUNT => Entry::Account(decode("account", &value)?),
        space::FAMILY => Entry::Family(decode_family(&value)?),
        space::BOT => Entry::Bot(decode("bot token", &value)?),
        space::REVOCATION => Entry::Revocation(keys::last_id(key).ok_or_else(unknown)?, decode("revocation", &value)?),
        space::IDEMPOTENT => {
            let (scope, name) = keys::idempotent_of(key).ok_or_else(unknown)?;
            Entry::Answer(scope, name, decode("idempotency key", &value)?)
        }
        space::RECORD => {
            let (version, data) = decode("record", &value)?;
            Entry::Record(keys::record_of(key).ok_or_else(unknown)?, version, data)
        }
        space::MUTE => Entry::Mute(UserId(keys::last_id(key).ok_or_else(unknown)?), decode("mute", &value)?),
        _ => return Err(unknown()),
    })
}

/// The entries of a user.
pub(crate) fn of_account(account: &Account) -> [(Vec<u8>, Vec<u8>); 2] {
    let id = account.id.0;
    [(keys::pair(space::ACCOUNT, id, None), encode(account)), (keys::username(&account.username_key), id.into_bytes().to_vec())]
}

/// The entries of a login.
pub(crate) fn of_family(family: &Family) -> [(Vec<u8>, Vec<u8>); 2] {
    let of_user = keys::pair(space::FAMILY_OF_USER, family.user.0, Some(family.id));
    [(keys::pair(space::FAMILY, family.id, None), encode(family)), (of_user, Vec::new())]
}

/// The entry of a bot's token.
pub(crate) fn of_bot(token: &BotToken) -> (Vec<u8>, Vec<u8>) {
    (keys::pair(space::BOT, token.id, None), encode(token))
}

/// The entry of a revocation.
pub(crate) fn of_revocation(id: Uuid, until_ms: u64) -> (Vec<u8>, Vec<u8>) {
    (keys::pair(space::REVOCATION, id, None), encode(&until_ms))
}

/// The entry of a small record.
pub(crate) fn of_record(key: RecordKey, version: u64, data: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (keys::record(key), encode(&(version, data)))
}

/// The entry of a mute.
pub(crate) fn of_mute(user: UserId, until_ms: u64) -> (Vec<u8>, Vec<u8>) {
    (keys::pair(space::MUTE, user.0, None), encode(&until_ms))
}

/// The entry of an idempotency key.
pub(crate) fn of_answer(scope: &str, key: &str, answer: &IdempotentAnswer) -> (Vec<u8>, Vec<u8>) {
    (keys::idempotent(scope, key), encode(answer))
}

/// The entry of a read marker.
pub(crate) fn of_mark(user: UserId, conversation: ConversationId, mark: &ReadMark) -> (Vec<u8>, Vec<u8>) {
    (keys::mark(user, conversation), encode(mark))
}
