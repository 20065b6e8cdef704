//! Who may open a store.

use redb::{Database, TableDefinition};
use rialto_storage::backend::redb::{OpenError, RedbOptions, RedbStore};

use crate::{group, seqs};

fn open(folder: &std::path::Path) -> Result<RedbStore, OpenError> {
    let options = RedbOptions { free_bytes_min: 0, ..RedbOptions::default() };
    RedbStore::open(folder, options, |message| panic!("{message}"))
}

#[tokio::test]
async fn one_at_a_time_and_the_same_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path()).unwrap();
    assert!(matches!(open(folder.path()), Err(OpenError::Held(_))), "held while it is open");
    let mut script = group(&first.store(), 1).await;
    let generation = first.generation();
    assert!((6..=8).contains(&generation.len()) && generation.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit()));
    first.close();
    let second = open(folder.path()).unwrap();
    assert_eq!(second.generation(), generation, "the timeline goes on");
    let store = second.store();
    let head = store.log.head(1, 0).await.unwrap();
    assert_eq!((head.fence, head.cursor), (Some(script.fence), 1), "the log's head stands");
    script.store = store;
    assert_eq!(seqs(&script).await, vec![1], "so do the rows");
    drop((script, second));
    open(folder.path()).unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).unwrap().close();
    let database = Database::open(folder.path().join("store.redb")).unwrap();
    let writing = database.begin_write().unwrap();
    writing.open_table(TableDefinition::<&[u8], &[u8]>::new("rialto")).unwrap().insert(&[1_u8, 1][..], &[9_u8][..]).unwrap();
    writing.commit().unwrap();
    drop(database);
    assert!(matches!(open(folder.path()), Err(OpenError::Newer { found: 9, known: 2 })), "we cannot know what it means");
}

#[tokio::test]
async fn what_is_no_store_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("store.redb"), b"somebody's letters").unwrap();
    assert!(matches!(open(folder.path()), Err(OpenError::Failed(_))), "not ours");
    assert_eq!(std::fs::read(folder.path().join("store.redb")).unwrap(), b"somebody's letters", "left alone");
}
