//! The one suite, on a CQL engine that `RIALTO_TEST_CQL` names (`host:port`); `tests/run` starts one. Without it nothing is tried.

#![expect(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests may")]

mod damage;
mod moving;

use rialto_storage::backend::cql::{CqlError, CqlOptions, CqlStore};
use rialto_storage::conformance::{PART_ROWS, run_all};

fn options(keyspace: &str) -> Option<CqlOptions> {
    let host = std::env::var("RIALTO_TEST_CQL").ok()?;
    let keyspace = keyspace.to_owned();
    Some(CqlOptions { hosts: vec![host], keyspace, part_rows: PART_ROWS, ..CqlOptions::default() })
}

/// An empty store in a keyspace of this name; `None` without an engine.
async fn empty(keyspace: &str) -> Option<CqlStore> {
    let store = CqlStore::open_to_restore(options(keyspace)?).await.unwrap();
    store.clear().await.unwrap();
    Some(store)
}

/// Runs what blocks.
async fn off<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test]
async fn conformance() {
    let Some(options) = options("conformance") else { return };
    let store = CqlStore::open(options).await.unwrap();
    run_all(async || {
        store.clear().await.unwrap();
        (store.store(), ())
    })
    .await;
}

#[tokio::test]
async fn many_nodes_prepare_the_tables_at_once() {
    let Some(options) = options(&format!("race_{}", std::process::id())) else { return };
    let opening = (0..4).map(|_| CqlStore::open(options.clone()));
    let opened = futures_util::future::join_all(opening).await;
    let stores: Vec<_> = opened.into_iter().map(|store| store.unwrap().store()).collect();
    assert!(stores.iter().all(|store| store.generation == stores[0].generation), "one store, one generation");
    let other_shape = CqlStore::open(CqlOptions { part_rows: 99, ..options }).await;
    assert!(matches!(other_shape, Err(CqlError::Shape { key: "part_rows", .. })), "rows could not be found in parts of another size");
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_named() {
    let hosts = vec!["127.0.0.1:1".to_owned()];
    let refused = CqlStore::open(CqlOptions { hosts, ..CqlOptions::default() }).await.map(drop).unwrap_err();
    assert!(matches!(&refused, CqlError::Connect { hosts, .. } if hosts == "127.0.0.1:1"), "{refused}");
}
