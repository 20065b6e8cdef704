//! Every id is appended once: the same id by the same sender in the same entity is one append, however often, wherever and whenever it is sent again.

use rialto_protocol::limits::{CLIENT_ID_AGE_MS, CLIENT_ID_AHEAD_MS};
use rialto_protocol::rpc::Appended;
use rialto_protocol::{ClientId, ErrorCode, Refusal};
use rialto_storage::RowSender;

use super::{Context, Need, Stop, appended};

/// What an earlier request of the caller with this id came to, whatever it asked for; `None` when there certainly was none that appended.
///
/// An id in memory decides at once. Otherwise, when memory reaches back behind everything that an id of this date can be, there was none; else the store is asked. Refusals are not remembered.
pub(super) fn earlier(context: &Context<'_>, client_id: &ClientId) -> Result<Option<Appended>, Stop> {
    let dated_ms = client_id.dated_ms();
    if let Some(dated_ms) = dated_ms {
        check_age(dated_ms, context.time_ms)?;
    }
    let sender = RowSender { user: context.user, client_id: client_id.clone() };
    let may_be_seen = context.seen.may_contain(&sender);
    if may_be_seen && let Some(row) = context.recent.find(&sender) {
        return Ok(Some(appended(row, context.epoch, true)));
    }
    match context.facts.position {
        Some(Some(position)) => {
            Ok(Some(Appended { offset: position.seq, epoch: context.epoch.to_owned(), time: position.time_ms, duplicate: true }))
        }
        Some(None) => Ok(None),
        None if context.recent.reaches(1) || (!may_be_seen && context.seen.covers(dated_ms)) => Ok(None),
        None => Err(Stop::Needs(Need::Find(sender, dated_ms.map(|dated_ms| dated_ms.saturating_sub(CLIENT_ID_AHEAD_MS))))),
    }
}

/// `time_ms` is the time that the row would get: a row is never more than ten minutes older than the date of its id.
fn check_age(dated_ms: u64, time_ms: u64) -> Result<(), Refusal> {
    if dated_ms > time_ms.saturating_add(CLIENT_ID_AHEAD_MS) {
        return Err(Refusal::because(ErrorCode::ClientIdExpired, "client_id is dated more than ten minutes ahead"));
    }
    if dated_ms.saturating_add(CLIENT_ID_AGE_MS) < time_ms {
        return Err(Refusal::because(ErrorCode::ClientIdExpired, "client_id is dated more than seven days ago"));
    }
    Ok(())
}
