//! The one suite, on the backends that need no server.

use rialto_storage::backend::memory::{MemoryOptions, MemoryShared, MemoryStore};
use rialto_storage::backend::redb::{RedbOptions, RedbStore};
use rialto_storage::conformance::{PART_ROWS, run_all, soft};

#[tokio::test]
async fn memory() {
    run_all(async || (MemoryStore::new(MemoryOptions { part_rows: PART_ROWS, ..MemoryOptions::default() }).store(), ())).await;
}

#[tokio::test]
async fn memory_with_consumers() {
    let options = || MemoryOptions { part_rows: PART_ROWS, consumed_on_append: false, ..MemoryOptions::default() };
    run_all(async || (MemoryStore::new(options()).store(), ())).await;
}

#[tokio::test]
async fn redb() {
    run_all(async || {
        let folder = tempfile::tempdir().unwrap();
        let options = RedbOptions { part_rows: PART_ROWS, free_bytes_min: 0, ..RedbOptions::default() };
        let store = RedbStore::open(folder.path(), options, |message| panic!("{message}")).unwrap();
        (store.store(), (store, folder))
    })
    .await;
}

#[tokio::test]
async fn memory_of_what_nodes_share() {
    let shared = MemoryShared::default();
    soft::limits(&shared).await;
    soft::presence(&shared).await;
}
