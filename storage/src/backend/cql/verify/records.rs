//! Small records can be read, names lead to their accounts, users' lists of logins are whole, callers' blobs are what was stored.

use uuid::Uuid;

use super::super::backup::Records;
use super::super::core::Core;
use super::super::scan::{Scan, patiently};
use super::super::value::id;
use super::super::{accounts, blobs, codec};
use super::Done;
use crate::accounts::{Account, BotToken, Family, IdempotentAnswer};
use crate::backup::{Problems, VerifyReport};
use crate::{ErrorKind, StorageError};

/// Checks all of them.
pub(super) async fn check(core: &Core, report: &mut VerifyReport, problems: &mut Problems) -> Done<()> {
    let all = &core.statements;
    let mut found = Records::<Account>::new("accounts", &all.accounts);
    while let Some(found) = readable(found.next(core).await, problems)? {
        for account in found {
            report.accounts += 1;
            if patiently(|| accounts::holder(core, &account.username_key)).await? != Some(account.id) {
                problems.add(format_args!("the name of account {} does not lead to it", account.id.0));
            }
        }
    }
    let mut found = Records::<Family>::new("refresh families", &all.family_records);
    while let Some(found) = readable(found.next(core).await, problems)? {
        for family in found {
            if !is_listed(core, &family).await? {
                problems.add(format_args!("refresh family {} is not among its user's", family.id));
            }
        }
    }
    let mut found = Records::<BotToken>::new("bot tokens", &all.bots);
    while readable(found.next(core).await, problems)?.is_some() {}
    answers(core, problems).await?;
    own_blobs(core, report, problems).await
}

/// A page with a record that cannot be read is a problem and not the end.
fn readable<T>(page: Done<Option<Vec<T>>>, problems: &mut Problems) -> Done<Option<Vec<T>>> {
    match page {
        Err(error) if error.kind == ErrorKind::Corrupt => {
            problems.add(format_args!("{error}"));
            Ok(Some(Vec::new()))
        }
        other => other,
    }
}

/// Whether the user's logins name it, or it has ended meanwhile.
async fn is_listed(core: &Core, family: &Family) -> Done<bool> {
    let what = "read a user's refresh families";
    let values = || vec![id(family.user.0), id(family.id)];
    let listed: Option<(Uuid,)> = patiently(|| core.first(what, &core.statements.user_family_get, values())).await?;
    if listed.is_some() {
        return Ok(true);
    }
    let stands: Option<(Vec<u8>,)> = patiently(|| core.first(what, &core.statements.family_get, vec![id(family.id)])).await?;
    Ok(stands.is_none())
}

async fn answers(core: &Core, problems: &mut Problems) -> Done<()> {
    type Cells = (String, String, Option<Vec<u8>>);
    let mut scan = Scan::<Cells>::new("read idempotency keys", &core.statements.answer_records, Vec::new());
    while let Some(found) = scan.next(core).await? {
        for data in found.into_iter().filter_map(|(_, _, data)| data) {
            let read: Result<IdempotentAnswer, StorageError> = codec::decode("read idempotency keys", &data);
            if let Err(error) = read {
                problems.add(format_args!("{error}"));
            }
        }
    }
    Ok(())
}

async fn own_blobs(core: &Core, report: &mut VerifyReport, problems: &mut Problems) -> Done<()> {
    let mut scan = Scan::<(i8, Uuid, Uuid)>::new("read blobs", &core.statements.own_blobs, Vec::new());
    while let Some(found) = scan.next(core).await? {
        for (kind, of, blob) in found {
            let of = codec::entity(kind, of)?;
            match patiently(|| blobs::get(core, of, blob)).await {
                Ok(found) => report.blobs += u64::from(found.is_some()),
                Err(error) if error.kind == ErrorKind::Corrupt => problems.add(format_args!("{of:?} blob {blob}: {error}")),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}
