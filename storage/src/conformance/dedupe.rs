//! The dedupe index.

use rialto_protocol::rpc::ConversationKind;
use rialto_protocol::{ClientId, UserId};

use super::PART_ROWS;
use super::script::{Script, user};
use crate::entity_rows::Position;
use crate::shard_log::Outcome;
use crate::{RowSender, Store};

fn sender(user: UserId, client_id: &str) -> RowSender {
    RowSender { user, client_id: ClientId::new(client_id).expect("the test's id is good") }
}

async fn find(script: &Script, of: &RowSender, not_before_ms: Option<u64>) -> Option<Position> {
    script.store.rows.find(script.conversation.into(), of.clone(), not_before_ms).await.expect("an id can be looked up")
}

pub(super) async fn partitions(store: Store) {
    let mut owner = Script::claim(&store, 1).await;
    owner.create(ConversationKind::Group, &[user(1)]).await;
    let begin_ms = owner.time_ms;
    for number in 2..=4 * PART_ROWS {
        let event = owner.says(user(1), "hi");
        let row = owner.row(user(1), Some(&format!("m-{number}")), &event);
        assert_eq!(owner.append(vec![row]).await, Outcome::Applied, "message {number}");
    }
    let at = |seq: u64| Some(Position { seq, time_ms: begin_ms + seq - 1 });
    let of = |seq: u64| sender(user(1), &format!("m-{seq}"));
    let newest_two = 2 * PART_ROWS + 1;
    assert_eq!(find(&owner, &of(4 * PART_ROWS), None).await, at(4 * PART_ROWS), "the newest row");
    assert_eq!(find(&owner, &of(newest_two), None).await, at(newest_two), "the first row of the newest two partitions");
    assert_eq!(find(&owner, &of(newest_two - 1), None).await, None, "without a date only the newest two are read");
    let dated = |seq: u64| Some(begin_ms + seq - 1);
    assert_eq!(find(&owner, &of(3), dated(3)).await, at(3), "a date reaches back");
    assert_eq!(find(&owner, &of(2), dated(3)).await, at(2), "to the start of the partition that it lies in");
    assert_eq!(find(&owner, &of(PART_ROWS), dated(PART_ROWS)).await, at(PART_ROWS), "the last row of a partition");
    assert_eq!(find(&owner, &of(PART_ROWS), dated(PART_ROWS + 1)).await, None, "not beyond it");
    assert_eq!(find(&owner, &of(4 * PART_ROWS), Some(u64::MAX)).await, at(4 * PART_ROWS), "the newest partition is always read");
    assert_eq!(find(&owner, &of(2), Some(0)).await, at(2), "the beginning of time");
}

pub(super) async fn identity(store: Store) {
    let mut owner = Script::claim(&store, 1).await;
    owner.create(ConversationKind::Group, &[user(1), user(2)]).await;
    let event = owner.says(user(1), "hi");
    let lower = "0192aaaa-0000-7000-8000-00000000000a";
    let mut first = owner.row(user(1), Some("batch"), &event);
    first.remaining = 1;
    let rows = vec![first, owner.row(user(1), Some("batch"), &event), owner.row(user(1), Some(lower), &event)];
    assert_eq!(owner.append(rows).await, Outcome::Applied, "three rows");
    assert_eq!(find(&owner, &sender(user(1), "batch"), None).await.map(|at| at.seq), Some(3), "the index names a request's last row");
    assert_eq!(find(&owner, &sender(user(2), "batch"), None).await, None, "another sender's id");
    assert_eq!(find(&owner, &sender(user(1), lower), None).await.map(|at| at.seq), Some(4), "a dated id");
    assert_eq!(find(&owner, &sender(user(1), &lower.to_uppercase()), None).await, None, "another spelling is another id");
    let simple = lower.replace('-', "");
    assert_eq!(find(&owner, &sender(user(1), &simple), None).await, None, "another spelling is another id");
    for hostile in ["batch\u{7e}", "b", "%00", "~", "'; drop table rows; --", &"x".repeat(64)] {
        let hostile: String = hostile.chars().filter(char::is_ascii_graphic).collect();
        assert_eq!(find(&owner, &sender(user(1), &hostile), None).await, None, "never sent: {hostile}");
        let row = owner.row(user(1), Some(&hostile), &event);
        assert_eq!(owner.append(vec![row]).await, Outcome::Applied, "sent: {hostile}");
        assert_eq!(find(&owner, &sender(user(1), &hostile), None).await.map(|at| at.seq), Some(owner.seq), "found: {hostile}");
    }
    let other = Script::claim(&store, 2).await;
    assert_eq!(find(&other, &sender(user(1), "batch"), None).await, None, "another entity");
}
