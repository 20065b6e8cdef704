//! The log by itself: what it sends and believes when rivals and late answers come between.

use bytes::Bytes;
use rialto_protocol::event::EventTag;
use rialto_protocol::{ClientId, ConversationId, UserId};
use rialto_storage::shard_log::{BucketHead, Outcome};
use rialto_storage::{ErrorKind, RowSender, StorageError};

use super::*;

fn row(seq: u64) -> Row {
    Row {
        entity: ConversationId(Uuid::from_u128(1)).into(),
        seq,
        time_ms: seq,
        sender: RowSender { user: UserId(Uuid::nil()), client_id: ClientId::new("c").unwrap() },
        remaining: 0,
        event: EventTag::Message,
        target: 0,
        ordinal: seq,
        sender_ordinal: seq,
        body: Bytes::from_static(b"{}"),
    }
}

fn shared(bucket_rows: u64) -> Log {
    Log::new(LogShape { bucket_rows, consumed_on_append: false })
}

fn applied() -> LogAnswer {
    LogAnswer::Outcome(Ok(Outcome::Applied))
}

fn head_of(fence: u128) -> LogAnswer {
    LogAnswer::Head(Ok(BucketHead { fence: Some(Fence(Uuid::from_u128(fence))), ..BucketHead::default() }))
}

/// Answers the last call, and gives the fence of the claim that follows.
fn claims(log: &mut Log, answer: LogAnswer) -> Fence {
    match log.answered(answer, 0).1 {
        Some(LogCall::Claim { new, .. }) => new,
        other => panic!("no claim but {other:?}"),
    }
}

#[test]
fn no_two_claims_write_the_same_fence() {
    let mut log = shared(4);
    log.claim(7, 0);
    log.answered(LogAnswer::First(Ok(0)), 0);
    let first = claims(&mut log, head_of(1));
    // It was applied, though nobody says so, and a rival has claimed what it left: a late claim of that rival's may wait for the first fence to come back.
    log.answered(LogAnswer::Outcome(Err(StorageError::new(ErrorKind::Unavailable, "claim", "no answer"))), 0);
    log.retry(0);
    let second = claims(&mut log, head_of(2));
    assert_ne!(first, second);
    log.answered(LogAnswer::Outcome(Ok(Outcome::Fenced)), 0);
    let third = claims(&mut log, head_of(3));
    assert!(third != first && third != second);
}

#[test]
fn the_cursor_of_a_new_bucket_is_the_one_that_was_sent() {
    let mut log = shared(2);
    log.claim(7, 0);
    log.answered(LogAnswer::First(Ok(0)), 0);
    log.answered(LogAnswer::Head(Ok(BucketHead::default())), 0);
    log.answered(applied(), 0);
    assert!(matches!(log.answered(LogAnswer::Tail(Ok(Vec::new())), 0).0, LogNews::Ready { .. }));
    for seq in 1..=3 {
        log.push(row(seq));
    }
    assert!(matches!(log.next_call(0), Some(LogCall::Append(append)) if append.rows.len() == 2));
    log.answered(applied(), 0);
    assert!(matches!(log.next_call(0), Some(LogCall::Seal { bucket: 0, .. })));
    assert!(matches!(log.answered(applied(), 0).1, Some(LogCall::Claim { bucket: 1, cursor: 0, .. })));
    log.consumed(2);
    log.answered(applied(), 0);
    assert_eq!(log.durable_cursor(), 0, "consumers have gone on since, but the store does not know");
}

#[test]
fn a_tail_that_was_read_late_says_nothing_of_the_fence() {
    let mut log = shared(2);
    log.claim(7, 0);
    log.answered(LogAnswer::First(Ok(0)), 0);
    log.answered(LogAnswer::Head(Ok(BucketHead::default())), 0);
    log.answered(applied(), 100);
    log.answered(LogAnswer::Tail(Err(StorageError::new(ErrorKind::Unavailable, "read", "no answer"))), 1_000);
    assert!(matches!(log.retry(SURE_MS), Some(LogCall::Tail { .. })));
    assert!(matches!(log.answered(LogAnswer::Tail(Ok(Vec::new())), SURE_MS).0, LogNews::Ready { .. }));
    assert!(!log.is_sure(SURE_MS), "the claim is that old, and somebody else may have claimed since");
}

#[test]
fn only_a_look_at_the_fence_behind_the_tail_shows_that_the_tail_is_whole() {
    let mut log = shared(2);
    log.claim(7, 0);
    log.answered(LogAnswer::First(Ok(0)), 0);
    log.answered(LogAnswer::Head(Ok(BucketHead::default())), 0);
    log.answered(applied(), 100);
    assert!(matches!(log.answered(LogAnswer::Tail(Ok(Vec::new())), 200).0, LogNews::Ready { .. }));
    assert!(!log.is_sure(200), "somebody may have claimed, and truncated, before the tail was read");
    assert!(matches!(log.confirm(200), Some(LogCall::Head { bucket: 0 })));
    let taken = BucketHead { fence: Some(Fence(uuid::Uuid::from_u128(9))), ..BucketHead::default() };
    assert!(matches!(log.answered(LogAnswer::Head(Ok(taken)), 210).0, LogNews::Fenced));
}
