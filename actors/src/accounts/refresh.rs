//! Refresh tokens: one login is a *family*; each use replaces its token, and the use of a replaced one shows that somebody copied it.
//!
//! A token is derived from family and serial under a server secret, so that the successor of a token is one, however often and on whichever thread it is asked for.
//! The store keeps hashes; the serial moves by compare-and-set.

use rialto_storage::accounts::Family;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::keys::KeySet;
use super::limits::REFRESH_REPEAT_MS;

/// What a refresh token begins with: secret scanners know it by that.
const PREFIX: &str = "rlt_refresh_";
/// Bytes of the longest refresh token: prefix, 32, a serial of 20, two separators and 43 of MAC.
const BYTES_MAX: usize = PREFIX.len() + 32 + 1 + 20 + 1 + 43;

/// A token that we once made; whether it still counts is [`decide`]'s matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Presented {
    /// Its family.
    pub(super) family: Uuid,
    /// Its number.
    serial: u64,
    hash: [u8; 32],
}

/// What becomes of a presented token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Replace the family by this one, then hand out its token.
    Rotate(Family),
    /// It was replaced a moment ago: hand out the successor that stands.
    Repeat,
    /// It was replaced long ago: somebody has a copy. The family ends.
    Reuse,
    /// The family has expired.
    Expired,
    /// It never belonged here.
    Invalid,
}

/// The one token of a family with this serial.
pub(super) fn token(keys: &KeySet, family: Uuid, serial: u64) -> String {
    let mac = keys.mac(format!("refresh\n{family}\n{serial}").as_bytes());
    format!("{PREFIX}{}.{serial}.{mac}", family.simple())
}

/// sha-256, as stored.
pub(super) fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Reads a token and checks that we made it. Only then may its family be looked up, or ended.
pub(super) fn parse(keys: &KeySet, text: &str) -> Option<Presented> {
    if text.len() > BYTES_MAX {
        return None;
    }
    let mut parts = text.strip_prefix(PREFIX)?.split('.');
    let (family, serial, _mac, end) = (parts.next()?, parts.next()?, parts.next()?, parts.next());
    let family = Uuid::try_parse(family).ok()?;
    let serial = serial.parse().ok()?;
    // Hashes are compared, so that the time taken says nothing about the secret.
    let is_ours = end.is_none() && hash(&token(keys, family, serial)) == hash(text);
    is_ours.then(|| Presented { family, serial, hash: hash(text) })
}

/// What becomes of a token that was presented at `now_ms`. `expires_ms` is the end of a family that is refreshed now.
pub(super) fn decide(keys: &KeySet, family: &Family, presented: Presented, now_ms: u64, expires_ms: u64) -> Decision {
    if family.expires_ms <= now_ms {
        return Decision::Expired;
    }
    if presented.serial > family.serial {
        return Decision::Invalid;
    }
    if presented.hash == family.current {
        let serial = family.serial + 1;
        return Decision::Rotate(Family {
            serial,
            current: hash(&token(keys, family.id, serial)),
            previous: Some(family.current),
            rotated_ms: now_ms,
            expires_ms,
            ..family.clone()
        });
    }
    let is_previous = family.previous == Some(presented.hash);
    if is_previous && now_ms.saturating_sub(family.rotated_ms) <= REFRESH_REPEAT_MS { Decision::Repeat } else { Decision::Reuse }
}
