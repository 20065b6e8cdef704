//! Large bodies, blobs, limits.

use bytes::Bytes;
use rialto_protocol::EntityKey;
use rialto_protocol::event::EventTag;
use rialto_protocol::rpc::ConversationKind;
use uuid::Uuid;

use super::script::{Script, user};
use crate::entity_rows::RowRange;
use crate::limits::{BLOB_BYTES_MAX, BLOB_PART_BYTES, INLINE_BODY_BYTES_MAX};
use crate::shard_log::{Append, Outcome};
use crate::{ErrorKind, Row, Store};

pub(super) async fn large_rows(store: Store) {
    let mut owner = Script::claim(&store, 1).await;
    owner.create(ConversationKind::Group, &[user(1)]).await;
    let mut sent = Vec::new();
    for bytes in [0, 1, INLINE_BODY_BYTES_MAX - 1, INLINE_BODY_BYTES_MAX, INLINE_BODY_BYTES_MAX + 1, BLOB_PART_BYTES * 2 + 1] {
        let event = owner.says(user(1), "");
        let mut row = owner.row(user(1), None, &event);
        row.body = Bytes::from((0..bytes).map(|index| u8::try_from(index % 251).expect("it is below 251")).collect::<Vec<u8>>());
        sent.push(row.clone());
        assert_eq!(owner.append(vec![row]).await, Outcome::Applied, "a body of {bytes} bytes");
    }
    let range = RowRange { from: 2, to: u64::MAX, limit: 100, reverse: false };
    let read = store.rows.read(owner.conversation.into(), range).await.expect("rows can be read");
    assert!(read == sent, "every field and byte comes back");
}

pub(super) async fn blobs(store: Store) {
    let entity: EntityKey = user(1).into();
    let other: EntityKey = user(2).into();
    let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
    assert_eq!(store.blobs.get(entity, one).await.expect("get"), None, "never stored");
    let large = Bytes::from(vec![3; BLOB_PART_BYTES * 3 + 17]);
    store.blobs.put(entity, one, large.clone()).await.expect("put");
    store.blobs.put(entity, two, Bytes::new()).await.expect("put of nothing");
    assert_eq!(store.blobs.get(entity, one).await.expect("get"), Some(large), "the large one");
    assert_eq!(store.blobs.get(entity, two).await.expect("get"), Some(Bytes::new()), "the empty one");
    assert_eq!(store.blobs.get(other, one).await.expect("get"), None, "another entity's");
    store.blobs.put(entity, one, Bytes::from_static(b"shorter")).await.expect("overwrite");
    assert_eq!(store.blobs.get(entity, one).await.expect("get"), Some(Bytes::from_static(b"shorter")), "the same id overwrites");
    store.blobs.delete(entity, one).await.expect("delete");
    store.blobs.delete(entity, one).await.expect("delete again");
    assert_eq!(store.blobs.get(entity, one).await.expect("get"), None, "removed");
    let refused = store.blobs.put(entity, one, Bytes::from(vec![0; BLOB_BYTES_MAX + 1])).await.expect_err("too large");
    assert_eq!(refused.kind, ErrorKind::Limit, "too large is a limit");
}

pub(super) async fn limits(store: Store) {
    let mut owner = Script::claim(&store, 1).await;
    owner.create(ConversationKind::Group, &[user(1)]).await;
    let event = owner.says(user(1), "hi");
    let top = owner.seq;
    let rows_max = store.log_shape.append_rows_max();
    let many: Vec<Row> = (0..=rows_max).map(|_| owner.row(user(1), None, &event)).collect();
    let send = |rows: Vec<Row>| {
        let append = Append { bucket: 0, fence: owner.fence, cursor: 1, first_wseq: 2, rows };
        let log = store.log.clone();
        async move { log.append(1, append).await.map_err(|error| error.kind) }
    };
    assert_eq!(send(many.clone()).await, Err(ErrorKind::Limit), "too many rows");
    let mut heavy = many.get(..3).map(<[Row]>::to_vec).expect("there are more");
    for row in &mut heavy {
        row.body = Bytes::from(vec![b' '; store.log_shape.append_bytes_max()]);
    }
    assert_eq!(send(heavy).await, Err(ErrorKind::Limit), "too many bytes before the last row");
    let mut wrong = many.get(..1).map(<[Row]>::to_vec).expect("there are more");
    for row in &mut wrong {
        row.event = EventTag::MemberJoined;
    }
    assert_eq!(send(wrong).await, Err(ErrorKind::Limit), "a body that is not what its tag says");
    let range = RowRange { from: 1, to: u64::MAX, limit: 1000, reverse: false };
    let stored = store.rows.read(owner.conversation.into(), range).await.expect("rows can be read");
    assert_eq!(stored.len() as u64, top, "nothing of a refused append is there");
    assert_eq!(send(Vec::new()).await, Ok(Outcome::Applied), "an empty append only proves the fence");
    let full = many.get(..rows_max).map(<[Row]>::to_vec).expect("there is one more");
    assert_eq!(send(full).await, Ok(Outcome::Applied), "as many as fit");
}
