//! Ranges and activation.

use bytes::Bytes;
use rialto_protocol::rpc::ConversationKind;

use super::script::{Script, user};
use crate::Store;
use crate::entity_rows::{RowRange, Snapshot};
use crate::limits::READ_ROWS_MAX;

async fn seqs(script: &Script, from: u64, to: u64, limit: usize, reverse: bool) -> Vec<u64> {
    let range = RowRange { from, to, limit, reverse };
    let rows = script.store.rows.read(script.conversation.into(), range).await.expect("rows can be read");
    rows.into_iter().map(|row| row.seq).collect()
}

pub(super) async fn both_ways(store: Store) {
    let mut owner = Script::claim(&store, 1).await;
    let mut neighbour = Script::claim(&store, 2).await;
    assert_eq!(seqs(&owner, 1, u64::MAX, 10, false).await, Vec::<u64>::new(), "nothing yet");
    owner.create(ConversationKind::Group, &[user(1)]).await;
    neighbour.create(ConversationKind::Group, &[user(1)]).await;
    for _ in 0..9 {
        owner.message(user(1), "hi").await;
    }
    assert_eq!(seqs(&owner, 1, u64::MAX, 100, false).await, (1..=10).collect::<Vec<_>>(), "all");
    assert_eq!(seqs(&owner, 0, u64::MAX, 100, true).await, (1..=10).rev().collect::<Vec<_>>(), "all backwards");
    assert_eq!(seqs(&owner, 3, 5, 100, false).await, vec![3, 4, 5], "both ends count");
    assert_eq!(seqs(&owner, 3, 5, 2, true).await, vec![5, 4], "the newest of a range");
    assert_eq!(seqs(&owner, 5, 3, 9, false).await, Vec::<u64>::new(), "an empty range");
    assert_eq!(seqs(&owner, 1, 10, 0, false).await, Vec::<u64>::new(), "none wanted");
    assert_eq!(seqs(&owner, 11, u64::MAX, 9, false).await, Vec::<u64>::new(), "above the top");
    assert_eq!(seqs(&owner, u64::MAX, u64::MAX, usize::MAX, true).await, Vec::<u64>::new(), "the very end");
    assert!(seqs(&owner, 1, u64::MAX, usize::MAX, false).await.len() <= READ_ROWS_MAX, "a read is limited");
}

pub(super) async fn activation(store: Store) {
    let mut owner = Script::claim(&store, 1).await;
    let entity = owner.conversation.into();
    let empty = store.rows.activate(entity).await.expect("activate");
    assert_eq!((empty.snapshot, empty.rows.len()), (None, 0), "an entity that never was");
    owner.create(ConversationKind::Group, &[user(1)]).await;
    for _ in 0..5 {
        owner.message(user(1), "hi").await;
    }
    let large = Bytes::from(vec![7; 700 * 1024]);
    for seq in 2..=5 {
        let state = if seq == 5 { large.clone() } else { Bytes::from(format!("state {seq}")) };
        store.rows.put_snapshot(entity, Snapshot { seq, state }).await.expect("snapshot");
    }
    store.rows.put_snapshot(entity, Snapshot { seq: 3, state: Bytes::from_static(b"late") }).await.expect("a late snapshot");
    let active = store.rows.activate(entity).await.expect("activate");
    assert_eq!(active.snapshot, Some(Snapshot { seq: 5, state: large }), "the newest snapshot stands, whatever comes late");
    assert_eq!(active.rows.iter().map(|row| row.seq).collect::<Vec<_>>(), vec![6], "and the rows behind it");
}
