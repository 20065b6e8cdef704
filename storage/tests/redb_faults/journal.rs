//! The journal in front of the tree: cut at every single write and sync, damaged, replaced, taken away.

use std::path::Path;

use redb::{Database, ReadableTable, TableDefinition};
use rialto_storage::backend::redb::{OpenError, RedbOptions, RedbStore};
use rialto_storage::conformance::{Script, user};
use rialto_storage::shard_log::{Append, Outcome};

use crate::disk::{Disk, Random};
use crate::{group, seqs};

const SECTOR_BYTES: usize = 512;
const TABLE: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("rialto");
const MARK: &[u8] = &[1, 3];
/// Appends of the workload: several turns of the journal's files.
const APPENDS: u64 = 18;

fn open(disk: &Disk, folder: &Path) -> Result<RedbStore, OpenError> {
    RedbStore::open(folder, disk.options(), |_| {})
}

/// One room that appends until it is done, or until the power goes after so many more operations; answers how many rows were acknowledged, and whether it went.
async fn work(disk: &Disk, folder: &Path, cut_after: u64) -> (Script, u64, bool) {
    let redb = open(disk, folder).unwrap();
    let store = redb.store();
    let mut script = group(&store, 1).await;
    let now = disk.state().operations;
    disk.state().cut_after = Some(now + cut_after);
    let mut acked = 1;
    for _ in 0..APPENDS {
        let event = script.says(user(1), &"x".repeat(4000));
        let rows = vec![script.row(user(1), None, &event)];
        let append = Append { bucket: 0, fence: script.fence, cursor: acked, first_wseq: acked + 1, rows };
        if !matches!(store.log.append(1, append).await, Ok(Outcome::Applied)) {
            break;
        }
        acked += 1;
    }
    redb.close();
    let state = disk.state();
    let cut = state.operations > now + cut_after;
    drop(state);
    (script, acked, cut)
}

/// What must hold after any cut: acknowledged rows are there, dense, and everything derived is what the rows say.
async fn check(disk: &Disk, folder: &Path, script: &mut Script, acked: u64) {
    let redb = RedbStore::open(folder, disk.options(), |message| panic!("{message}")).unwrap();
    script.store = redb.store();
    let found = seqs(script).await;
    let top = found.len() as u64;
    assert_eq!(found, (1..=top).collect::<Vec<_>>(), "dense");
    assert!((acked..=acked + 1).contains(&top), "acknowledged {acked}, found {top}");
    redb.verify().unwrap();
    redb.close();
}

#[tokio::test]
async fn a_cut_at_every_write_and_sync() {
    let mut cut_at = 0;
    loop {
        cut_at += 1;
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::with_free(u64::MAX);
        let (mut script, acked, cut) = work(&disk, folder.path(), cut_at).await;
        if !cut {
            break;
        }
        let mut random = Random(cut_at);
        let mut after = disk.after_cut(&mut random);
        if cut_at % 3 == 0 {
            // The power goes again while the journal is read.
            after.state().cut_after = Some(random.below(12));
            drop(open(&after, folder.path()));
            after = after.after_cut(&mut random);
        }
        check(&after, folder.path(), &mut script, acked).await;
        if cut_at % 4 == 0 {
            check(&disk.after_kill(), folder.path(), &mut script, acked).await;
        }
    }
    assert!(cut_at > 60, "only {cut_at} operations");
}

#[tokio::test]
async fn a_cut_while_a_store_is_opened_or_closed() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::with_free(u64::MAX);
    let redb = open(&disk, folder.path()).unwrap();
    let mut script = group(&redb.store(), 1).await;
    let killed = disk.after_kill();
    redb.close();
    let closed = disk.after_kill();
    for begun in [killed, closed] {
        for cut_at in 1.. {
            let disk = begun.after_kill();
            disk.state().cut_after = Some(cut_at);
            if let Ok(redb) = open(&disk, folder.path()) {
                redb.close();
            }
            let cut = disk.state().operations > cut_at;
            let after = disk.after_cut(&mut Random(cut_at));
            check(&after, folder.path(), &mut script, 1).await;
            if !cut {
                break;
            }
        }
    }
}

/// A disk whose process was killed with rows in the journal that the tree lacks.
async fn killed(folder: &Path, rows: usize) -> (Disk, Script) {
    let disk = Disk::with_free(u64::MAX);
    let redb = open(&disk, folder).unwrap();
    let mut script = group(&redb.store(), 1).await;
    for number in 1..rows {
        script.message(user(1), &format!("{number}")).await;
    }
    let after = disk.after_kill();
    redb.close();
    (after, script)
}

/// Where the records of a file begin.
fn records(bytes: &[u8]) -> Vec<usize> {
    let salt = &bytes[12..20];
    let mut found: Vec<usize> = (SECTOR_BYTES..bytes.len()).step_by(SECTOR_BYTES).filter(|at| &bytes[at + 8..at + 16] == salt).collect();
    found.sort_by_key(|at| u64::from_le_bytes(bytes[at + 16..at + 24].try_into().unwrap()));
    found
}

#[tokio::test]
async fn a_record_that_was_never_whole_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let (disk, mut script) = killed(folder.path(), 4).await;
    let at = *records(&disk.state().files[0].live).last().unwrap();
    disk.state().files[0].live[at + 40] ^= 1;
    check(&disk, folder.path(), &mut script, 3).await;
}

#[tokio::test]
async fn damage_before_the_end_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (disk, script) = killed(folder.path(), 5).await;
    let places = records(&disk.state().files[0].live);
    for at in &places[..places.len() - 1] {
        for byte in [0, 9, 17, 25, 40] {
            let damaged = disk.after_kill();
            damaged.state().files[0].live[at + byte] ^= 1;
            let refused = open(&damaged, folder.path());
            assert!(matches!(&refused, Err(OpenError::Failed(cause)) if cause.contains("acknowledged")), "{refused:?}");
        }
    }
    drop(script);
}

#[tokio::test]
async fn a_journal_that_is_gone_or_anothers_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (disk, _script) = killed(folder.path(), 3).await;
    let (other, _script) = killed(folder.path(), 3).await;
    let refused = |change: &dyn Fn(&Disk)| {
        let changed = disk.after_kill();
        change(&changed);
        matches!(open(&changed, folder.path()), Err(OpenError::Failed(cause)) if cause.contains("journal"))
    };
    assert!(refused(&|changed| changed.state().files[0].live.clear()), "taken away");
    assert!(refused(&|changed| changed.state().files[1].live.clear()), "the other one too");
    assert!(refused(&|changed| changed.state().files[0].clone_from(&other.state().files[0])), "another store's");
    assert!(refused(&|changed| changed.state().files[0].live[9] = 1), "a newer format");
    assert!(refused(&|changed| changed.state().files[0].live[13] ^= 1), "a damaged header");
    assert!(refused(&|changed| changed.state().files[2].live.clear()), "the store's file was replaced by a new one");
    assert!(!refused(&|_| ()), "as it was it opens");
}

fn real(folder: &Path) -> Result<RedbStore, OpenError> {
    RedbStore::open(folder, RedbOptions { free_bytes_min: 0, ..RedbOptions::default() }, |message| panic!("{message}"))
}

#[tokio::test]
async fn a_closed_store_needs_no_journal() {
    let folder = tempfile::tempdir().unwrap();
    let redb = real(folder.path()).unwrap();
    let mut script = group(&redb.store(), 1).await;
    script.message(user(1), "hello").await;
    redb.close();
    for number in 0..2 {
        std::fs::remove_file(folder.path().join(format!("journal-{number}"))).unwrap();
    }
    let redb = real(folder.path()).unwrap();
    script.store = redb.store();
    assert_eq!(seqs(&script).await, vec![1, 2]);
    redb.verify().unwrap();
}

#[tokio::test]
async fn a_store_from_before_the_journal_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let redb = real(folder.path()).unwrap();
    let mut script = group(&redb.store(), 1).await;
    redb.close();
    std::fs::remove_file(folder.path().join("journal-0")).unwrap();
    std::fs::remove_file(folder.path().join("journal-1")).unwrap();
    let database = Database::open(folder.path().join("store.redb")).unwrap();
    let writing = database.begin_write().unwrap();
    {
        let mut table = writing.open_table(TABLE).unwrap();
        assert_eq!(table.get(&[1_u8, 1][..]).unwrap().unwrap().value(), [1], "a closed store has the schema that older programs know");
        table.remove(MARK).unwrap().unwrap();
    }
    writing.commit().unwrap();
    drop(database);
    let redb = real(folder.path()).unwrap();
    let store = redb.store();
    let fence = script.fence;
    script.store = store.clone();
    assert_eq!(store.log.claim(1, 0, Some(fence), fence, 0).await.unwrap(), Outcome::Applied);
    script.message(user(1), "goes on").await;
    redb.verify().unwrap();
}
