//! Backup, verify, restore of the embedded store.
#![expect(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests may")]

use std::fs;
use std::path::Path;

use bytes::Bytes;
use redb::{Database, ReadableTable, TableDefinition};
use rialto_protocol::rpc::ConversationKind;
use rialto_storage::Store;
use rialto_storage::accounts::{Account, AccountRole, BotToken, Family, IdempotentAnswer, Origin};
use rialto_storage::backend::redb::{BackupError, RedbOptions, RedbStore, RestoreError, VerifyError, restore};
use rialto_storage::conformance::{Script, user};
use rialto_storage::entity_rows::{RowRange, Snapshot};
use rialto_storage::limits::CONVERSATION_PART_ROWS;
use rialto_storage::shard_log::Outcome;
use rialto_storage::views::{ReadMark, Whose};
use uuid::Uuid;

const ALL: RowRange = RowRange { from: 1, to: u64::MAX, limit: 1024, reverse: false };
const TABLE: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("rialto");

fn open(folder: &Path) -> RedbStore {
    let options = RedbOptions { free_bytes_min: 0, ..RedbOptions::default() };
    RedbStore::open(folder, options, |message| panic!("{message}")).unwrap()
}

/// A store with something of everything.
async fn fill(store: &Store) -> Vec<Script> {
    let mut scripts = Vec::new();
    for number in 1..=3 {
        let mut script = Script::claim(store, number).await;
        script.create(ConversationKind::Group, &[user(1), user(2), user(3)]).await;
        let first = script.message(user(1), "hello").await;
        script.message(user(2), &"large ".repeat(5000)).await;
        script.edit(user(1), first, "hello!").await;
        script.react(user(2), first, "👍", true).await;
        script.leave(user(3)).await;
        script.retitle(user(1), "new title").await;
        let state = Bytes::from(vec![9; 300_000]);
        store.rows.put_snapshot(script.conversation.into(), Snapshot { seq: 3, state }).await.unwrap();
        let mark = ReadMark { offset: 3, ordinal: 2, own: 1 };
        store.views.advance(user(2), script.conversation, mark).await.unwrap();
        store.blobs.put(script.conversation.into(), Uuid::from_u128(5), Bytes::from(vec![1; 600_000])).await.unwrap();
        scripts.push(script);
    }
    let account = Account {
        id: user(1),
        username: "Alice".to_owned(),
        username_key: "alice".to_owned(),
        display_name: "Alice".to_owned(),
        password_hash: None,
        role: AccountRole::Admin,
        origin: Origin::Own,
        created_ms: 4,
    };
    store.accounts.create(account).await.unwrap();
    let id = Uuid::from_u128(8);
    let family =
        Family { id, user: user(1), serial: 4, current: [1; 32], previous: None, rotated_ms: 1, expires_ms: 9, device: String::new() };
    store.families.create(family).await.unwrap();
    store.tokens.put_bot(BotToken { id, bot: user(1), hash: [2; 32], scopes: Vec::new(), expires_ms: None }).await.unwrap();
    store.tokens.revoke(id, 1000).await.unwrap();
    let answer = IdempotentAnswer { request: [3; 32], answer: "made".to_owned(), expires_ms: 5000 };
    store.tokens.remember("s".to_owned(), "k".to_owned(), answer).await.unwrap();
    scripts
}

/// Everything that can be read, as text.
async fn everything(store: &Store, scripts: &[Script]) -> String {
    let mut out = String::new();
    for script in scripts {
        let entity = script.conversation.into();
        let rows = store.rows.read(entity, ALL).await.unwrap();
        for row in &rows {
            let found = store.rows.find(entity, row.sender.clone(), None).await.unwrap();
            out.push_str(&format!("{row:?} {found:?}\n"));
        }
        out.push_str(&format!("{:?}\n", store.rows.activate(entity).await.unwrap()));
        out.push_str(&format!("{:?}\n", store.blobs.get(entity, Uuid::from_u128(5)).await.unwrap()));
        for number in 1..=3 {
            out.push_str(&format!("{:?}\n", store.views.summary(script.conversation, user(number)).await.unwrap()));
        }
    }
    for number in 1..=3 {
        out.push_str(&format!("{:?}\n", store.views.list(Whose::User(user(number)), None, 10).await.unwrap()));
    }
    let id = Uuid::from_u128(8);
    out.push_str(&format!("{:?}\n", store.accounts.by_name("alice".to_owned()).await.unwrap()));
    out.push_str(&format!("{:?} {:?}\n", store.families.get(id).await.unwrap(), store.tokens.bot(id).await.unwrap()));
    out.push_str(&format!("{:?}\n", store.families.of_user(user(9)).await.unwrap()));
    out.push_str(&format!("{:?}\n", store.tokens.recall("s".to_owned(), "k".to_owned()).await.unwrap()));
    out.push_str(&format!("{:?}\n", store.tokens.revocations(0).await.unwrap()));
    out
}

#[tokio::test]
async fn what_comes_back_is_what_was() {
    let folder = tempfile::tempdir().unwrap();
    let (data, kept, again) = (folder.path().join("data"), folder.path().join("kept"), folder.path().join("again"));
    let first = open(&data);
    let store = first.store();
    let mut scripts = fill(&store).await;
    let before = everything(&store, &scripts).await;
    let checked = first.verify().unwrap();
    assert_eq!((checked.entities, checked.rows, checked.accounts, checked.problems), (3, 21, 1, 0));
    fs::create_dir(&kept).unwrap();
    let report = first.backup(&kept).unwrap();
    assert_eq!(report.rows, 21, "all rows");
    assert!(matches!(first.backup(&kept), Err(BackupError::NotEmpty(_))), "nothing is overwritten");
    scripts[0].message(user(1), "after the backup").await;

    let held = restore(&kept, &data, CONVERSATION_PART_ROWS);
    assert!(matches!(held, Err(RestoreError::Held(_))), "the store is open");
    first.close();
    let taken = restore(&kept, &data, CONVERSATION_PART_ROWS);
    assert!(matches!(taken, Err(RestoreError::NotEmpty(_))), "there is a store");

    let restored = restore(&kept, &again, CONVERSATION_PART_ROWS).unwrap();
    assert_eq!((restored.rows, restored.entries), (report.rows, report.entries));
    let second = open(&again);
    assert_ne!(second.generation(), first.generation(), "a new timeline");
    assert_eq!(second.generation(), restored.generation);
    let checked_again = second.verify().unwrap();
    assert_eq!(checked_again, checked, "everything derived is there");
    let store = second.store();
    assert_eq!(everything(&store, &scripts).await, before, "everything reads the same");
    let mut script = scripts.remove(1);
    script.store = store.clone();
    let claimed = store.log.claim(script.shard, 0, None, script.fence, 0).await.unwrap();
    assert_eq!(claimed, Outcome::Applied, "nobody holds a restored log");
    script.message(user(1), "goes on").await;
    second.verify().unwrap();
}

#[tokio::test]
async fn a_backup_is_one_moment_while_serving() {
    let folder = tempfile::tempdir().unwrap();
    let redb = open(&folder.path().join("data"));
    let store = redb.store();
    let mut scripts = fill(&store).await;
    let (reading, target) = (redb.clone(), folder.path().join("kept"));
    let backup = tokio::task::spawn_blocking(move || reading.backup(&target));
    let mut appended = 0;
    while !backup.is_finished() || appended < 50 {
        scripts[appended % 3].message(user(1), "meanwhile").await;
        appended += 1;
    }
    backup.await.unwrap().unwrap();
    let (kept, again) = (folder.path().join("kept"), folder.path().join("again"));
    restore(&kept, &again, CONVERSATION_PART_ROWS).unwrap();
    open(&again).verify().unwrap();
    redb.verify().unwrap();
}

#[tokio::test]
async fn a_damaged_backup_restores_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (data, kept, again) = (folder.path().join("data"), folder.path().join("kept"), folder.path().join("again"));
    let redb = open(&data);
    fill(&redb.store()).await;
    redb.backup(&kept).unwrap();
    let chunk = kept.join("chunk-000001.bin");
    let manifest = kept.join("manifest.json");
    let (good, good_manifest) = (fs::read(&chunk).unwrap(), fs::read(&manifest).unwrap());
    let middle = good.len() / 2;
    let flipped = || {
        let mut bytes = good.clone();
        bytes[middle] ^= 1;
        bytes
    };
    let lied = String::from_utf8(good_manifest.clone()).unwrap().replace("\"rows\": 21", "\"rows\": 20");
    for (file, bytes) in
        [(&chunk, flipped()), (&chunk, good[..middle].to_vec()), (&manifest, lied.into_bytes()), (&manifest, b"{}".to_vec())]
    {
        fs::write(file, bytes).unwrap();
        let refused = restore(&kept, &again, CONVERSATION_PART_ROWS);
        assert!(matches!(refused, Err(RestoreError::Damaged(_))), "{refused:?}");
        assert!(!again.join("store.redb").exists(), "nothing is left");
        fs::write(&chunk, &good).unwrap();
        fs::write(&manifest, &good_manifest).unwrap();
    }
    fs::remove_file(&chunk).unwrap();
    assert!(matches!(restore(&kept, &again, CONVERSATION_PART_ROWS), Err(RestoreError::Io(_))), "a chunk is missing");
    fs::write(&chunk, &good).unwrap();
    restore(&kept, &again, CONVERSATION_PART_ROWS).unwrap();
}

/// Changes a closed store behind our back.
fn tamper(data: &Path, change: impl FnOnce(&mut redb::Table<'_, &'static [u8], &'static [u8]>)) {
    let database = Database::open(data.join("store.redb")).unwrap();
    let writing = database.begin_write().unwrap();
    change(&mut writing.open_table(TABLE).unwrap());
    writing.commit().unwrap();
}

fn keys_where(table: &redb::Table<'_, &'static [u8], &'static [u8]>, wanted: impl Fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
    table.iter().unwrap().map(|entry| entry.unwrap().0.value().to_vec()).filter(|key| wanted(key)).collect()
}

#[tokio::test]
async fn verify_finds_what_is_wrong() {
    // Space, and section within an entity, of what is taken away or overwritten.
    type Wanted = fn(&[u8]) -> bool;
    let cases: [(&str, Wanted, bool); 9] = [
        ("a row is gone", |key| key[0] == 0x10 && key[18] == 5 && key[26] == 3, true),
        ("the first row is gone", |key| key[0] == 0x10 && key[18] == 5 && key[26] == 1, true),
        ("a member is gone", |key| key[0] == 0x10 && key[18] == 2, true),
        ("a member is another", |key| key[0] == 0x10 && key[18] == 2, false),
        ("an overlay is gone", |key| key[0] == 0x10 && key[18] == 3, true),
        ("a dedupe entry is gone", |key| key[0] == 0x40, true),
        ("a list entry is gone", |key| key[0] == 0x11, true),
        ("part of a large body is gone", |key| key[0] == 0x20 && key[18] == 1 && key[key.len() - 1] == 1, true),
        ("a blob is another", |key| key[0] == 0x20 && key[18] == 0 && key[key.len() - 1] == 2, false),
    ];
    for (what, wanted, gone) in cases {
        let folder = tempfile::tempdir().unwrap();
        let redb = open(folder.path());
        fill(&redb.store()).await;
        redb.close();
        tamper(folder.path(), |table| {
            let key = keys_where(table, wanted).into_iter().next().unwrap();
            if gone {
                table.remove(key.as_slice()).unwrap();
            } else {
                table.insert(key.as_slice(), &[1_u8, 1, 7][..]).unwrap();
            }
        });
        match open(folder.path()).verify() {
            Err(VerifyError::Damaged(report)) => assert!(report.problems > 0 && !report.named.is_empty(), "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    }
}
