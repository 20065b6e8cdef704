//! Logs that several processes share: appends write the log only, consumers the rest. Nothing to try where appends consume.

use bytes::Bytes;
use rialto_protocol::rpc::{ConversationKind, Role};

use super::script::{Script, user};
use crate::consumers::Parked;
use crate::entity_rows::RowRange;
use crate::limits::INLINE_BODY_BYTES_MAX;
use crate::shard_log::{Append, Fence, Outcome};
use crate::views::{MessageRange, Whose};
use crate::{Row, Store};

fn messages(owner: &mut Script, count: u64) -> Vec<Row> {
    let event = owner.says(user(1), "hi");
    (0..count).map(|_| owner.row(user(1), None, &event)).collect()
}

pub(super) async fn tail(store: Store) {
    if store.consumers.is_none() {
        return;
    }
    let mut owner = Script::claim(&store, 1).await;
    assert!(store.log.tail(1, 0, 1).await.expect("tail").is_empty(), "a claimed bucket without rows");
    assert!(store.log.tail(1, 7, 1).await.expect("tail").is_empty(), "a bucket that nobody claimed");
    let mut rows = messages(&mut owner, 5);
    rows.last_mut().expect("there are five").body = Bytes::from(vec![b'x'; INLINE_BODY_BYTES_MAX * 5]);
    let append = Append { bucket: 0, fence: owner.fence, cursor: 0, first_wseq: 1, rows: rows.clone() };
    assert_eq!(store.log.append(1, append.clone()).await.expect("append"), Outcome::Applied, "the first time");
    assert_eq!(store.log.append(1, append).await.expect("append"), Outcome::Applied, "the identical batch again");
    let expected: Vec<_> = (1..).zip(rows).map(|(wseq, row)| (wseq, owner.fence, row)).collect();
    let read = store.log.tail(1, 0, 1).await.expect("tail");
    assert!(read == expected, "every field and byte comes back, in order, once, with its writer");
    assert!(store.log.tail(1, 0, 3).await.expect("tail") == expected.get(2..).expect("there are five"), "from a row on");
    assert!(store.log.tail(1, 0, 6).await.expect("tail").is_empty(), "behind the last");
    assert!(store.log.tail(2, 0, 1).await.expect("tail").is_empty(), "shards are apart");
    let range = RowRange { from: 1, to: u64::MAX, limit: 10, reverse: false };
    let rows = store.rows.read(owner.conversation.into(), range).await.expect("rows can be read");
    assert!(rows.is_empty(), "an append writes the log only");
}

pub(super) async fn cursor(store: Store) {
    if store.consumers.is_none() {
        return;
    }
    let mut owner = Script::claim(&store, 1).await;
    let rows = messages(&mut owner, 3);
    let append = |cursor, first_wseq, rows: &[Row]| {
        let append = Append { bucket: 0, fence: owner.fence, cursor, first_wseq, rows: rows.to_vec() };
        let log = store.log.clone();
        async move { log.append(1, append).await.expect("append") }
    };
    let first = rows.get(..1).expect("there are three");
    assert_eq!(append(0, 1, first).await, Outcome::Applied, "nothing consumed yet");
    assert_eq!(append(1, 2, rows.get(1..2).expect("there are three")).await, Outcome::Applied, "the first is consumed");
    assert_ne!(append(0, 1, first).await, Outcome::Applied, "a late copy of the first batch");
    assert_eq!(store.log.head(1, 0).await.expect("head").cursor, 1, "the cursor stays");
    assert_eq!(append(2, 3, &[]).await, Outcome::Applied, "a cursor without rows");
    assert_eq!(store.log.head(1, 0).await.expect("head").cursor, 2, "is stored");
    assert_eq!(store.log.tail(1, 0, 1).await.expect("tail").len(), 2, "and leaves the rows");
}

pub(super) async fn truncation(store: Store) {
    let Some(consumers) = store.consumers.clone() else { return };
    let mut owner = Script::claim(&store, 1).await;
    assert_eq!(consumers.first_bucket(1).await.expect("first bucket"), 0, "nothing is truncated");
    let rows = messages(&mut owner, 3);
    assert_eq!(owner.append(rows).await, Outcome::Applied, "three rows");
    assert_eq!(consumers.truncate(1, 0).await.expect("truncate"), Outcome::Fenced, "only what is sealed is truncated");
    assert_eq!(store.log.tail(1, 0, 1).await.expect("tail").len(), 3, "and nothing else");
    assert_eq!(store.log.seal(1, 0, owner.fence).await.expect("seal"), Outcome::Applied, "the owner seals");
    assert_eq!(store.log.tail(1, 0, 1).await.expect("tail").len(), 3, "a sealed bucket keeps its rows");
    for _ in 0..2 {
        assert_eq!(consumers.truncate(1, 0).await.expect("truncate"), Outcome::Applied, "once or twice");
    }
    assert!(store.log.tail(1, 0, 1).await.expect("tail").is_empty(), "the rows are gone");
    assert!(store.log.head(1, 0).await.expect("head").sealed, "the seal stays");
    assert_eq!(store.log.claim(1, 0, None, Fence(uuid::Uuid::nil()), 0).await.expect("claim"), Outcome::Fenced, "for ever");
    assert_eq!(consumers.first_bucket(1).await.expect("first bucket"), 1, "a claimant begins behind it");
    let range = RowRange { from: 1, to: u64::MAX, limit: 10, reverse: false };
    assert_eq!(store.rows.read(owner.conversation.into(), range).await.expect("rows").len(), 3, "entity rows are not the log's");
}

pub(super) async fn late_consumers(store: Store) {
    let Some(consumers) = store.consumers.clone() else { return };
    let mut owner = Script::claim(&store, 1).await;
    owner.create(ConversationKind::Group, &[user(1), user(2)]).await;
    let hello = owner.message(user(1), "helo").await;
    owner.edit(user(1), hello, "hello").await;
    owner.react(user(2), hello, "👍", true).await;
    owner.react(user(2), hello, "👍", false).await;
    owner.edit(user(1), hello, "hello!").await;
    owner.retitle(user(1), "second title").await;
    owner.message(user(2), "second").await;
    owner.join(user(3), Some(Role::Admin)).await;
    owner.leave(user(3)).await;
    let everything = || async {
        let mut lists = Vec::new();
        for number in 1..=3 {
            lists.push(store.views.list(Whose::User(user(number)), None, 10).await.expect("list"));
        }
        let range = MessageRange { limit: 50, ..MessageRange::default() };
        let messages = store.views.messages(owner.conversation, range).await.expect("messages");
        (lists, messages)
    };
    let before = everything().await;
    let range = RowRange { from: 1, to: u64::MAX, limit: 100, reverse: true };
    let backwards = store.rows.read(owner.conversation.into(), range).await.expect("rows");
    for row in backwards {
        consumers.project(vec![row.clone()]).await.expect("project again");
        consumers.write_rows(vec![row]).await.expect("write again");
    }
    assert_eq!(everything().await, before, "writes of the past change nothing, whatever their order");
}

pub(super) async fn parking(store: Store) {
    let Some(consumers) = store.consumers.clone() else { return };
    let mut owner = Script::claim(&store, 1).await;
    let row = messages(&mut owner, 1).remove(0);
    for _ in 0..2 {
        let parked = Parked { shard: 1, wseq: 1, row: row.clone(), cause: "'; it is \0 poison".to_owned() };
        consumers.park(parked).await.expect("a row can be parked, once or twice");
    }
}
