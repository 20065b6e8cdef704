//! The fenced log.

use rialto_protocol::rpc::ConversationKind;
use uuid::Uuid;

use super::script::{Script, consume, user};
use super::views::listed;
use crate::entity_rows::RowRange;
use crate::shard_log::{Append, Fence, Outcome};
use crate::{ErrorKind, Row, Store};

const ALL: RowRange = RowRange { from: 1, to: u64::MAX, limit: 1000, reverse: false };

fn fence(number: u64) -> Fence {
    Fence(Uuid::from_u64_pair(9, number))
}

async fn count(store: &Store, script: &Script) -> usize {
    store.rows.read(script.conversation.into(), ALL).await.expect("rows can be read").len()
}

async fn try_append(script: &Script, fence: Fence, first_wseq: u64, rows: Vec<Row>) -> Result<Outcome, ErrorKind> {
    let append = Append { bucket: 0, fence, cursor: first_wseq - 1, first_wseq, rows: rows.clone() };
    let outcome = script.store.log.append(script.shard, append).await.map_err(|error| error.kind)?;
    if outcome == Outcome::Applied {
        consume(&script.store, rows).await;
    }
    Ok(outcome)
}

pub(super) async fn claims(store: Store) {
    let log = &store.log;
    let head = log.head(3, 0).await.expect("a fresh head can be read");
    assert_eq!((head.fence, head.sealed, head.cursor), (None, false, 0), "a fresh bucket");
    assert_eq!(log.claim(3, 0, Some(fence(1)), fence(2), 0).await.expect("claim"), Outcome::Fenced, "nobody holds that fence");
    assert_eq!(log.claim(3, 0, None, fence(1), 41).await.expect("claim"), Outcome::Applied, "a fresh claim");
    let head = log.head(3, 0).await.expect("head");
    assert_eq!((head.fence, head.cursor), (Some(fence(1)), 41), "a fresh bucket takes the cursor");
    assert_eq!(log.claim(3, 0, None, fence(2), 0).await.expect("claim"), Outcome::Fenced, "it is no longer fresh");
    assert_eq!(log.claim(3, 0, Some(fence(1)), fence(2), 7).await.expect("claim"), Outcome::Applied, "seen is what stands");
    let head = log.head(3, 0).await.expect("head");
    assert_eq!((head.fence, head.cursor), (Some(fence(2)), 41), "a later claim leaves the cursor");
    assert_eq!(log.head(4, 0).await.expect("head").fence, None, "shards are apart");
    assert_eq!(log.head(3, 1).await.expect("head").fence, None, "buckets are apart");
}

pub(super) async fn stale_owner(store: Store) {
    let mut owner = Script::claim(&store, 1).await;
    owner.create(ConversationKind::Group, &[user(1)]).await;
    let stale = owner.fence;
    assert_eq!(store.log.claim(1, 0, Some(stale), fence(5), 0).await.expect("claim"), Outcome::Applied, "the new owner's claim");
    let event = owner.says(user(1), "too late");
    let row = owner.row(user(1), None, &event);
    assert_eq!(owner.append(vec![row.clone()]).await, Outcome::Fenced, "the stale owner's append");
    assert_eq!(count(&store, &owner).await, 1, "nothing of a fenced append is there");
    assert_eq!(try_append(&owner, fence(99), 2, vec![row.clone()]).await, Ok(Outcome::Fenced), "an unknown fence");
    owner.fence = fence(5);
    assert_eq!(owner.append(vec![row]).await, Outcome::Applied, "the new owner's append");
    let head = store.log.head(1, 0).await.expect("head");
    let tail = store.log.tail(1, 0, 1).await.expect("tail");
    if store.log_shape.consumed_on_append {
        assert_eq!((head.cursor, tail.len()), (2, 0), "the cursor is at the end where rows are consumed on append");
    } else {
        assert_eq!((head.cursor, tail.len()), (1, 2), "elsewhere it is what the owner said, and the rows stay");
    }
}

pub(super) async fn density(store: Store) {
    if !store.log_shape.consumed_on_append {
        // Such a log knows shards, not entities: its owner alone numbers rows.
        return;
    }
    let mut owner = Script::claim(&store, 1).await;
    owner.create(ConversationKind::Group, &[user(1)]).await;
    let event = owner.says(user(1), "hi");
    let good = owner.row(user(1), None, &event);
    let gap = Row { seq: good.seq + 1, ..good.clone() };
    assert_eq!(try_append(&owner, owner.fence, 2, vec![gap.clone()]).await, Err(ErrorKind::Limit), "a gap");
    assert_eq!(
        try_append(&owner, owner.fence, 2, vec![good.clone(), Row { seq: good.seq + 2, ..good.clone() }]).await,
        Err(ErrorKind::Limit),
        "a gap within"
    );
    assert_eq!(try_append(&owner, owner.fence, 2, vec![Row { seq: 0, ..good.clone() }]).await, Err(ErrorKind::Limit), "rows count from 1");
    assert_eq!(try_append(&owner, owner.fence, 2, vec![Row { time_ms: 1, ..good.clone() }]).await, Err(ErrorKind::Limit), "time goes back");
    let other = Row { seq: 1, ..good.clone() };
    assert_eq!(try_append(&owner, owner.fence, 2, vec![other]).await, Err(ErrorKind::Limit), "another row at a place that is taken");
    assert_eq!(count(&store, &owner).await, 1, "nothing of a refused append is there");
    assert_eq!(try_append(&owner, owner.fence, 2, vec![good, gap]).await, Ok(Outcome::Applied), "both in order");
    assert_eq!(count(&store, &owner).await, 3, "both are there");
}

pub(super) async fn repeated(store: Store) {
    let mut owner = Script::claim(&store, 1).await;
    owner.create(ConversationKind::Group, &[user(1)]).await;
    let event = owner.says(user(1), "once");
    let rows = vec![owner.row(user(1), None, &event), owner.row(user(1), None, &event)];
    assert_eq!(try_append(&owner, owner.fence, 2, rows.clone()).await, Ok(Outcome::Applied), "the first time");
    assert_eq!(try_append(&owner, owner.fence, 2, rows).await, Ok(Outcome::Applied), "the identical batch again");
    assert_eq!(count(&store, &owner).await, 3, "it stands once");
    let summary = listed(&owner, 1).await.expect("its member lists it");
    assert_eq!((summary.ordinal, summary.own), (2, 2), "and is counted once");
}

pub(super) async fn sealed(store: Store) {
    let mut owner = Script::claim(&store, 1).await;
    owner.create(ConversationKind::Group, &[user(1)]).await;
    assert_eq!(store.log.seal(1, 0, fence(3)).await.expect("seal"), Outcome::Fenced, "only the owner seals");
    assert_eq!(store.log.seal(1, 0, owner.fence).await.expect("seal"), Outcome::Applied, "the owner seals");
    let event = owner.says(user(1), "behind the seal");
    let row = owner.row(user(1), None, &event);
    assert_eq!(owner.append(vec![row]).await, Outcome::Fenced, "nothing is appended behind a seal");
    assert_eq!(
        store.log.claim(1, 0, Some(owner.fence), fence(4), 0).await.expect("claim"),
        Outcome::Fenced,
        "a sealed bucket has no new owner"
    );
    assert!(store.log.head(1, 0).await.expect("head").sealed, "the seal stays");
    assert_eq!(count(&store, &owner).await, 1, "entity rows are not the log's");
}

pub(super) async fn racing_claims(store: Store) {
    let pending: Vec<_> = (0..32).map(|number| store.log.claim(8, 0, None, fence(number), 0)).collect();
    let mut won = Vec::new();
    for (number, outcome) in (0..32).zip(pending) {
        if outcome.await.expect("claim") == Outcome::Applied {
            won.push(fence(number));
        }
    }
    assert_eq!(won.len(), 1, "exactly one claim of a fresh bucket is applied");
    assert_eq!(store.log.head(8, 0).await.expect("head").fence, won.first().copied(), "and it is the one that stands");
}
