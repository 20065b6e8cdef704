//! The backlog by itself.

use bytes::Bytes;
use rialto_protocol::event::EventTag;
use rialto_protocol::{ClientId, ConversationId, UserId};
use rialto_storage::RowSender;
use uuid::Uuid;

use super::*;

fn row(room: u128, seq: u64) -> Row {
    Row {
        entity: ConversationId(Uuid::from_u128(room)).into(),
        seq,
        time_ms: seq,
        sender: RowSender { user: UserId(Uuid::nil()), client_id: ClientId::new("c").unwrap() },
        remaining: 0,
        event: EventTag::Message,
        target: 0,
        ordinal: seq,
        sender_ordinal: seq,
        body: Bytes::from_static(b"0123456789"),
    }
}

fn failure(kind: ErrorKind) -> Result<(), StorageError> {
    Err(StorageError::new(kind, "write", "the test said so"))
}

fn written(batch: &Batch) -> Vec<u64> {
    match &batch.work {
        Work::Write(rows) => rows.iter().map(|row| row.seq).collect(),
        Work::Park { row, .. } => vec![row.seq + 1_000],
    }
}

fn with_rows(count: u64) -> Backlog {
    let mut backlog = Backlog::default();
    backlog.begin(10, Vec::new(), 0);
    (1..=count).for_each(|seq| backlog.push(row(1, seq), 0));
    backlog
}

#[test]
fn the_cursor_is_that_of_the_slower_consumer() {
    let mut backlog = with_rows(3);
    let entity = row(1, 1).entity;
    let rows = backlog.next(Consumer::Rows, 0).unwrap();
    assert_eq!(written(&rows), [1, 2, 3]);
    assert!(backlog.next(Consumer::Rows, 0).is_none(), "one batch at a time");
    assert!(!backlog.answered(Consumer::Rows, rows.serial, Ok(()), 0));
    assert_eq!((backlog.consumed(), backlog.newest_of(entity)), (10, Some(13)));
    let projections = backlog.next(Consumer::Projections, 0).unwrap();
    assert!(backlog.answered(Consumer::Projections, projections.serial, Ok(()), 0));
    assert_eq!((backlog.consumed(), backlog.newest_of(entity)), (13, None));
    assert!(!backlog.answered(Consumer::Projections, projections.serial, Ok(()), 0), "an answer counts once");
}

#[test]
fn an_entity_row_is_written_until_it_is_written() {
    let mut backlog = with_rows(1);
    let mut now = 0;
    for _ in 0..50 {
        let batch = backlog.next(Consumer::Rows, now).unwrap();
        backlog.answered(Consumer::Rows, batch.serial, failure(ErrorKind::Limit), now);
        assert!(backlog.next(Consumer::Rows, now).is_none(), "not at once");
        now = backlog.retry_due_ms().unwrap();
    }
    assert_eq!(written(&backlog.next(Consumer::Rows, now).unwrap()), [1]);
}

#[test]
fn a_poisonous_projection_is_parked_alone() {
    let mut backlog = with_rows(4);
    let (mut now, mut tries, mut parked) = (0, 0, Vec::<u64>::new());
    while let Some(batch) = backlog.next(Consumer::Projections, now) {
        let seqs = written(&batch);
        let poisoned = seqs.contains(&2);
        tries += u32::from(seqs == [2]);
        parked.extend(seqs.iter().filter(|seq| **seq > 1_000));
        let result = if poisoned { failure(ErrorKind::Corrupt) } else { Ok(()) };
        backlog.answered(Consumer::Projections, batch.serial, result, now);
        now = backlog.retry_due_ms().unwrap_or(now);
    }
    assert_eq!(parked, [1_002], "the one that fails, and no other");
    assert!(tries < PROJECT_ATTEMPTS_MAX, "the batch counts as a try of its first row");
}

#[test]
fn a_store_that_is_away_parks_nothing() {
    let mut backlog = with_rows(2);
    let mut now = 0;
    for _ in 0..20 {
        let batch = backlog.next(Consumer::Projections, now).unwrap();
        assert_eq!(written(&batch), [1, 2]);
        backlog.answered(Consumer::Projections, batch.serial, failure(ErrorKind::Unavailable), now);
        now = backlog.retry_due_ms().unwrap();
    }
}

#[test]
fn it_lags_by_rows_by_bytes_and_by_time() {
    let mut backlog = with_rows(1);
    assert!(!backlog.lags(LAG_MS_MAX));
    assert!(backlog.lags(LAG_MS_MAX + 1));
    assert!(with_rows(LAG_ROWS_MAX as u64).lags(0));
    backlog.push(Row { body: Bytes::from(vec![0; LAG_BYTES_MAX]), ..row(2, 1) }, 0);
    assert!(backlog.lags(0));
}

#[test]
fn the_shards_of_a_node_have_one_limit_together() {
    let node = NodeLag::default();
    let shard = || {
        let mut backlog = Backlog::sharing(node.clone());
        backlog.begin(0, Vec::new(), 0);
        backlog
    };
    let large = || Row { body: Bytes::from(vec![0; LAG_BYTES_MAX - 1]), ..row(1, 1) };
    let mut behind: Vec<Backlog> = (0..LAG_NODE_BYTES_MAX / LAG_BYTES_MAX + 1).map(|_| shard()).collect();
    let idle = shard();
    for backlog in &mut behind {
        assert!(!idle.lags(0), "there is room");
        backlog.push(large(), 0);
    }
    assert!(idle.lags(0) && behind[0].lags(0), "nobody takes more in");
    let one = &mut behind[0];
    for consumer in [Consumer::Rows, Consumer::Projections] {
        let batch = one.next(consumer, 0).unwrap();
        one.answered(consumer, batch.serial, Ok(()), 0);
    }
    assert!(!idle.lags(0), "what is consumed makes room");
    behind[0].push(large(), 0);
    behind[1].begin(5, Vec::new(), 0);
    assert!(!idle.lags(0), "and so does what is forgotten");
    behind[1].push(large(), 0);
    assert!(idle.lags(0));
    drop(behind);
    assert!(!idle.lags(0), "a shard that panicked takes its part along");
}

#[test]
fn a_takeover_begins_behind_its_cursor_and_forgets_what_was_under_way() {
    let mut backlog = with_rows(2);
    let old = backlog.next(Consumer::Rows, 0).unwrap();
    backlog.begin(7, vec![row(3, 1)], 100);
    assert!(!backlog.answered(Consumer::Rows, old.serial, Ok(()), 100));
    assert_eq!(backlog.newest_of(row(3, 1).entity), Some(8));
    assert!(!backlog.lags(100 + LAG_MS_MAX), "time counts from the takeover");
    assert_eq!(written(&backlog.next(Consumer::Rows, 100).unwrap()), [1]);
}
