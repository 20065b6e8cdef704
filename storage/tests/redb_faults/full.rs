//! Nothing acknowledged is lost on a full disk, and it recovers by itself; any other failure ends the process.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rialto_protocol::ClientId;
use rialto_storage::accounts::{Account, AccountRole, Origin};
use rialto_storage::backend::redb::{RedbOptions, RedbStore};
use rialto_storage::conformance::{Script, user};
use rialto_storage::shard_log::{Fence, Outcome};
use rialto_storage::{ErrorKind, Row, Store};
use uuid::Uuid;

use crate::disk::Disk;
use crate::{group, seqs};

fn no_failure(message: String) {
    panic!("the store failed: {message}");
}

fn message(script: &mut Script, bytes: usize) -> Row {
    let event = script.says(user(1), &"x".repeat(bytes));
    let client_id = ClientId::new(&format!("m-{}", script.seq)).unwrap();
    script.row(user(1), Some(client_id.as_str()), &event)
}

/// Appends until there is no room; answers the seq of the last row that was acknowledged, and the row that was not.
async fn until_full(script: &mut Script) -> (u64, Row) {
    let mut acked = script.seq;
    for _ in 0..100_000 {
        let row = message(script, 4000);
        match script.append(vec![row.clone()]).await {
            Outcome::Applied => acked = row.seq,
            Outcome::Full => return (acked, row),
            other => panic!("an append on a full disk is {other:?}"),
        }
    }
    panic!("the disk is never full");
}

/// Claims again until the store takes it: the way of every shard after the store was opened again.
async fn claim_again(store: &Store, script: &mut Script) -> u64 {
    let began = tokio::time::Instant::now();
    loop {
        assert!(began.elapsed().as_secs() < 20, "it recovers by itself");
        let claimed = match store.log.head(script.shard, 0).await {
            Ok(head) => {
                let new = Fence(Uuid::new_v4());
                let outcome = store.log.claim(script.shard, 0, head.fence, new, 0).await;
                matches!(outcome, Ok(Outcome::Applied)).then_some((new, head.cursor))
            }
            Err(_) => None,
        };
        if let Some((new, cursor)) = claimed {
            script.fence = new;
            script.wseq = cursor + 1;
            return cursor;
        }
        tokio::task::yield_now().await;
    }
}

/// The shard loads again what is there: the row that was refused may have landed.
async fn load(script: &mut Script) -> u64 {
    let rows = seqs(script).await;
    let top = *rows.last().unwrap();
    assert_eq!(rows, (1..=top).collect::<Vec<_>>(), "dense");
    top
}

#[tokio::test]
async fn the_engine_runs_out_of_space() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::with_free(u64::MAX);
    disk.state().capacity = Some(3 * 1024 * 1024);
    let redb = RedbStore::open(folder.path(), disk.options(), no_failure).unwrap();
    let store = redb.store();
    let mut bystander = group(&store, 2).await;
    let mut script = group(&store, 1).await;
    let (acked, refused) = until_full(&mut script).await;
    assert!(acked > 10, "some rows fit");
    // Opened again: what was acknowledged is there, and nobody appends without claiming first.
    let top = load(&mut script).await;
    assert!(top == acked || top == refused.seq, "acknowledged {acked}, found {top}");
    let row = message(&mut bystander, 10);
    assert!(matches!(bystander.append(vec![row]).await, Outcome::Fenced | Outcome::Full), "every fence is void");
    disk.state().capacity = None;
    claim_again(&store, &mut script).await;
    let top = load(&mut script).await;
    assert!(top == acked || top == refused.seq, "acknowledged {acked}, found {top}");
    if top == acked {
        assert_eq!(script.append(vec![refused.clone()]).await, Outcome::Applied, "there is room again");
    }
    assert_eq!(load(&mut script).await, refused.seq, "the row stands once");
    claim_again(&store, &mut bystander).await;
    let top = load(&mut bystander).await;
    assert_eq!(top, 1, "a refused row is not there");
    redb.verify().unwrap();
    assert!(disk.state().opened >= 2, "it was opened again");
}

#[tokio::test]
async fn free_bytes_are_watched() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::with_free(u64::MAX);
    let redb = RedbStore::open(folder.path(), disk.options(), no_failure).unwrap();
    let store = redb.store();
    let mut script = group(&store, 1).await;
    disk.state().free = 999;
    let row = message(&mut script, 10);
    assert_eq!(script.append(vec![row.clone()]).await, Outcome::Full, "refused before it reaches the store");
    let account = Account {
        id: user(1),
        username: "a".to_owned(),
        username_key: "a".to_owned(),
        display_name: "a".to_owned(),
        password_hash: None,
        role: AccountRole::User,
        origin: Origin::Own,
        created_ms: 0,
    };
    assert_eq!(store.accounts.create(account.clone()).await.unwrap_err().kind, ErrorKind::Full, "so is an account");
    assert_eq!(seqs(&script).await, vec![1], "reads go on");
    store.blobs.delete(script.conversation.into(), Uuid::nil()).await.unwrap();
    store.tokens.revoke(Uuid::nil(), 5).await.unwrap();
    let taken = store.log.claim(1, 0, Some(script.fence), Fence(Uuid::nil()), 0).await.unwrap();
    assert_eq!(taken, Outcome::Applied, "a shard can be taken over");
    script.fence = Fence(Uuid::nil());
    disk.state().free = 1000;
    assert_eq!(script.append(vec![row]).await, Outcome::Applied, "the moment there is room");
    store.accounts.create(account).await.unwrap();
    assert_eq!(disk.state().opened, 1, "it was never closed");
}

#[tokio::test]
async fn any_other_failure_is_fatal() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::with_free(u64::MAX);
    let told = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&told);
    let on_fatal = move |_message: String| {
        counted.fetch_add(1, Ordering::SeqCst);
    };
    let redb = RedbStore::open(folder.path(), disk.options(), on_fatal).unwrap();
    let store = redb.store();
    let mut script = group(&store, 1).await;
    disk.state().broken = true;
    let appends: Vec<_> = (0..8)
        .map(|_| {
            let row = message(&mut script, 10);
            let append = rialto_storage::shard_log::Append { bucket: 0, fence: script.fence, cursor: 1, first_wseq: 2, rows: vec![row] };
            store.log.append(1, append)
        })
        .collect();
    for append in appends {
        let answer = append.await;
        assert_eq!(answer.map_err(|error| error.kind), Err(ErrorKind::Unavailable), "nobody is told of success");
    }
    assert_eq!(told.load(Ordering::SeqCst), 1, "said once");
    disk.state().broken = false;
    assert_eq!(store.log.head(1, 0).await.unwrap_err().kind, ErrorKind::Unavailable, "it does not come back");
}

/// Unmounts whatever happens.
struct Mounted(std::path::PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _left = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(arguments: &[&str], folder: &std::path::Path) -> bool {
    Command::new("mount").args(arguments).arg("tmpfs").arg(folder).output().is_ok_and(|done| done.status.success())
}

#[tokio::test]
async fn a_small_file_system_fills_up() {
    let folder = tempfile::tempdir().unwrap();
    if !mount(&["-t", "tmpfs", "-o", "size=6m"], folder.path()) {
        eprintln!("SKIPPED: a tmpfs can be mounted only by root; nothing of a really full file system was tested");
        return;
    }
    let _mounted = Mounted(folder.path().to_owned());
    let options = RedbOptions { free_bytes_min: 0, ..RedbOptions::default() };
    let redb = RedbStore::open(folder.path(), options, no_failure).unwrap();
    let store = redb.store();
    let mut script = group(&store, 1).await;
    let (acked, refused) = until_full(&mut script).await;
    let top = load(&mut script).await;
    assert!(top == acked || top == refused.seq, "acknowledged {acked}, found {top}");
    assert!(mount(&["-o", "remount,size=64m"], folder.path()), "it can be made larger");
    claim_again(&store, &mut script).await;
    if load(&mut script).await == acked {
        assert_eq!(script.append(vec![refused]).await, Outcome::Applied, "there is room again");
    }
    redb.verify().unwrap();
    redb.close();
}
