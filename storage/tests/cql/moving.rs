//! Backups of a store on an engine, and into one.

use std::path::Path;

use rialto_protocol::rpc::ConversationKind;
use rialto_storage::backend::cql::{CqlError, CqlStore};
use rialto_storage::backend::redb::{RedbOptions, RedbStore, restore};
use rialto_storage::backup::{BackupError, Manifest, RestoreError};
use rialto_storage::conformance::whole::{everything, fill};
use rialto_storage::conformance::{PART_ROWS, Script, user};
use rialto_storage::entity_rows::RowRange;
use rialto_storage::shard_log::{Append, Outcome};

use super::{empty, off, options};

fn embedded(folder: &Path) -> RedbStore {
    let options = RedbOptions { part_rows: PART_ROWS, free_bytes_min: 0, ..RedbOptions::default() };
    RedbStore::open(folder, options, |message| panic!("{message}")).unwrap()
}

fn sha256(backup: &Path) -> String {
    let manifest: Manifest = serde_json::from_slice(&std::fs::read(backup.join("manifest.json")).unwrap()).unwrap();
    manifest.sha256
}

#[tokio::test]
async fn a_store_moves_there_and_back() {
    let Some(empty) = empty("moving").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let first = embedded(&at("first"));
    let scripts = fill(&first.store()).await;
    let before = everything(&first.store(), &scripts).await;
    let there = first.backup(&at("there")).unwrap();

    let (into, from) = (empty.clone(), at("there"));
    let restored = off(move || into.restore(&from)).await.unwrap();
    assert_eq!((restored.rows, restored.entries), (there.rows, there.entries), "all of it");
    let second = CqlStore::open(options("moving").unwrap()).await.unwrap();
    assert_ne!(second.generation(), empty.generation(), "a new timeline");
    assert_eq!(second.generation(), &*restored.generation);
    assert_eq!(everything(&second.store(), &scripts).await, before, "everything reads the same");
    let checking = second.clone();
    let checked = off(move || checking.verify()).await.unwrap();
    assert_eq!((checked.entities, checked.rows, checked.accounts, checked.problems), (3, 21, 1, 0));
    assert_eq!((checked.dedupe_entries, checked.blobs), (21, 9), "three large bodies, three snapshots, three of the caller");
    let (into, from) = (second.clone(), at("there"));
    let refused = off(move || into.restore(&from)).await;
    assert!(matches!(refused, Err(RestoreError::NotEmpty(_))), "{refused:?}");

    let (reading, to) = (second.clone(), at("back"));
    let back = off(move || reading.backup(&to)).await.unwrap();
    assert_eq!((back.rows, back.entries), (there.rows, there.entries), "nothing more, nothing less");
    let (reading, to) = (second.clone(), at("back"));
    assert!(matches!(off(move || reading.backup(&to)).await, Err(BackupError::NotEmpty(_))), "nothing is overwritten");
    restore(&at("back"), &at("third"), PART_ROWS).unwrap();
    let third = embedded(&at("third"));
    assert_eq!(everything(&third.store(), &scripts).await, before, "and after the way back");
    third.verify().unwrap();
}

/// Appends messages to the log and nowhere else, as an owner does that dies before its consumers.
async fn append_only(script: &mut Script, messages: usize) {
    let says = script.says(user(1), "acknowledged");
    let rows: Vec<_> = (0..messages).map(|_| script.row(user(1), None, &says)).collect();
    let append = Append { bucket: 0, fence: script.fence, cursor: 1, first_wseq: script.wseq, rows };
    script.wseq += messages as u64;
    assert_eq!(script.store.log.append(script.shard, append).await.unwrap(), Outcome::Applied);
}

#[tokio::test]
async fn what_only_the_log_has_is_in_a_backup() {
    let Some(store) = empty("tails").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut script = Script::claim(&store.store(), 3).await;
    script.create(ConversationKind::Group, &[user(1), user(2)]).await;
    append_only(&mut script, 100).await;
    append_only(&mut script, 50).await;
    let (reading, to) = (store.clone(), folder.path().join("kept"));
    let report = off(move || reading.backup(&to)).await.unwrap();
    assert_eq!(report.rows, 151, "whoever was answered finds the message");
    restore(&folder.path().join("kept"), &folder.path().join("data"), PART_ROWS).unwrap();
    let restored = embedded(&folder.path().join("data"));
    restored.verify().unwrap();
    let newest = RowRange { from: 1, to: u64::MAX, limit: 1, reverse: true };
    assert_eq!(restored.store().rows.read(script.conversation.into(), newest).await.unwrap()[0].seq, 151);
    append_only(&mut script, 100).await;
    let checked = off(move || store.verify()).await.unwrap();
    assert_eq!((checked.rows, checked.problems), (251, 0), "a store whose owner is dead is sound");
}

#[tokio::test]
async fn a_backup_and_a_check_do_not_stop_the_store() {
    let Some(store) = empty("serving").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut scripts = fill(&store.store()).await;
    let (reading, to) = (store.clone(), folder.path().join("kept"));
    let acknowledged: Vec<u64> = scripts.iter().map(|script| script.seq).collect();
    let work = tokio::task::spawn_blocking(move || (reading.backup(&to).unwrap(), reading.verify().unwrap()));
    let mut appended = 0;
    while !work.is_finished() || appended < 30 {
        scripts[appended % 3].message(user(1), "meanwhile").await;
        appended += 1;
    }
    work.await.unwrap();
    restore(&folder.path().join("kept"), &folder.path().join("data"), PART_ROWS).unwrap();
    let restored = embedded(&folder.path().join("data"));
    restored.verify().unwrap();
    for (script, acknowledged) in scripts.iter().zip(acknowledged) {
        let newest = RowRange { from: 1, to: u64::MAX, limit: 1, reverse: true };
        let top = restored.store().rows.read(script.conversation.into(), newest).await.unwrap()[0].seq;
        assert!(top >= acknowledged, "row {acknowledged} was acknowledged before, {top} is the newest");
    }
}

#[tokio::test]
async fn a_restore_that_was_broken_off_is_done_again_and_nothing_else() {
    let Some(store) = empty("broken_off").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let full = embedded(&at("full"));
    let scripts = fill(&full.store()).await;
    full.backup(&at("kept")).unwrap();
    let bare = embedded(&at("bare"));
    bare.backup(&at("other")).unwrap();
    let (into, from) = (store.clone(), at("kept"));
    off(move || into.restore(&from)).await.unwrap();
    // As if the last of its steps had not been taken.
    store.replace_record("restoring", None, sha256(&at("kept"))).await.unwrap();
    let refused = CqlStore::open(options("broken_off").unwrap()).await.map(drop);
    assert!(matches!(refused, Err(CqlError::Restoring(_))), "a half is not served: {refused:?}");
    let (into, from) = (store.clone(), at("other"));
    let refused = off(move || into.restore(&from)).await;
    assert!(matches!(refused, Err(RestoreError::Unfinished(_))), "two backups are not mixed: {refused:?}");
    let (into, from) = (store.clone(), at("kept"));
    off(move || into.restore(&from)).await.unwrap();
    let restored = CqlStore::open(options("broken_off").unwrap()).await.unwrap();
    assert_eq!(everything(&restored.store(), &scripts).await, everything(&full.store(), &scripts).await);
    off(move || restored.verify()).await.unwrap();
}

#[tokio::test]
async fn a_damaged_backup_touches_no_keyspace() {
    let Some(store) = empty("untouched").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let full = embedded(&folder.path().join("full"));
    fill(&full.store()).await;
    let kept = folder.path().join("kept");
    full.backup(&kept).unwrap();
    let chunk = kept.join("chunk-000001.bin");
    let mut bytes = std::fs::read(&chunk).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&chunk, bytes).unwrap();
    let into = store.clone();
    let refused = off(move || into.restore(&kept)).await;
    assert!(matches!(refused, Err(RestoreError::Damaged(_))), "{refused:?}");
    let untouched = CqlStore::open(options("untouched").unwrap()).await.unwrap();
    let checked = off(move || untouched.verify()).await.unwrap();
    assert_eq!((checked.rows, checked.accounts), (0, 0), "it can be opened, and is empty");
}
