//! A shard whose log others may own too, in virtual time: consumers, cursor, truncation, fences that are asked for.

use rialto_protocol::ErrorCode;
use rialto_storage::ErrorKind;
use rialto_storage::backend::memory::{ConsumerVerdict, ConsumerWrite, Verdict};

use super::world::{Said, World};
use crate::shard::backlog::LAG_MS_MAX;
use crate::shard::log::{CURSOR_FLUSH_MS, SURE_MS, TRUNCATE_AFTER_MS};

const BUCKET: u64 = 4;

fn cursor(world: &World) -> u64 {
    let log = world.memory().store().log;
    futures_util::FutureExt::now_or_never(log.head(0, 0)).unwrap().unwrap().cursor
}

#[test]
fn answers_wait_for_the_log_and_not_for_its_consumers() {
    let mut world = World::shared(u64::MAX);
    world.hold_consumers();
    world.say(1, "a", "one");
    assert_eq!(world.answers(), [(1, Said::Offset(1))]);
    assert_eq!(world.stored("a"), [""; 0], "no consumer has written");
    world.release_consumers();
    assert_eq!(world.stored("a"), ["one"]);
}

#[test]
fn an_entity_is_rebuilt_from_rows_that_no_consumer_has_written() {
    let mut world = World::shared(u64::MAX);
    world.say(1, "a", "one");
    world.hold_consumers();
    world.say(2, "a", "two");
    world.say(3, "a", "poison");
    world.say(4, "a", "three");
    world.answers();
    world.release_consumers();
    assert_eq!(world.stored("a"), ["one", "two", "three"]);
}

#[test]
fn a_read_waits_for_the_rows_that_were_durable_when_it_was_asked_for() {
    let mut world = World::shared(u64::MAX);
    world.hold_consumers();
    world.say(1, "a", "one");
    world.ask_history(2, "a");
    world.ask_history(3, "b");
    assert_eq!(world.answers(), [(1, Said::Offset(1)), (3, Said::Top(0))], "only the room that has such rows waits");
    world.release_consumers();
    assert_eq!(world.answers(), [(2, Said::Top(1))]);
}

#[test]
fn a_new_owner_loads_the_tail_and_consumes_it() {
    for bucket_rows in [BUCKET, u64::MAX] {
        let mut world = World::shared(bucket_rows);
        world.say(100, "a", "before");
        world.hold_consumers();
        for n in 0..10 {
            world.say(n, "a", &format!("text {n}"));
        }
        assert_eq!(world.answers().len(), 11);
        let mut heir = world.rival();
        heir.say(200, "a", "by the heir");
        assert_eq!(heir.answers(), [(200, Said::Offset(12))], "buckets of {bucket_rows}");
        assert_eq!(heir.stored("a").len(), 12);
        world.release_consumers();
        assert_eq!(heir.stored("a").len(), 12, "the old owner's late writes change nothing");
        world.say(300, "a", "by the old owner");
        assert_eq!(world.answers(), [(300, Said::Refused(ErrorCode::Unavailable))]);
        world.say(301, "a", "too early");
        assert_eq!(world.answers(), [(301, Said::Refused(ErrorCode::Unavailable))], "it lets the other work for a while");
        world.settle();
        world.say(302, "a", "again");
        assert_eq!(world.answers(), [(302, Said::Offset(13))]);
    }
}

#[test]
fn unknown_outcomes_are_resolved_by_reading_the_rows() {
    for verdict in [Verdict::UnknownApplied, Verdict::UnknownNot, Verdict::UnknownLate, Verdict::Fail(ErrorKind::Unavailable)] {
        let mut world = World::shared(BUCKET);
        world.say(1, "a", "zero");
        world.next_append(verdict);
        world.say(2, "a", "one");
        world.say(3, "a", "two");
        world.settle();
        world.memory().land_late();
        world.say(4, "a", "three");
        world.settle();
        let offsets = (1..=4).map(|n| (n, Said::Offset(n))).collect::<Vec<_>>();
        assert_eq!(world.answers(), offsets, "{verdict:?}");
        assert_eq!(world.stored("a"), ["zero", "one", "two", "three"], "{verdict:?}");
    }
}

#[test]
fn a_batch_that_may_land_late_never_lands_behind_a_claim() {
    let mut world = World::shared(u64::MAX);
    world.say(1, "a", "kept");
    for _ in 0..crate::shard::log::APPEND_ATTEMPTS_MAX {
        world.next_append(Verdict::UnknownLate);
    }
    world.say(2, "a", "given up");
    world.settle();
    assert_eq!(world.answers(), [(1, Said::Offset(1)), (2, Said::Refused(ErrorCode::Unavailable))]);
    world.say(3, "a", "new");
    assert_eq!(world.memory().land_late(), 0, "the claim has shut it out");
    world.settle();
    assert_eq!(world.stored("a"), ["kept", "new"]);
}

#[test]
fn consumers_that_stand_stop_the_intake_until_they_go_on() {
    let mut world = World::shared(u64::MAX);
    world.hold_consumers();
    world.say(1, "a", "one");
    world.advance(LAG_MS_MAX);
    world.say(2, "a", "two");
    world.advance(1);
    world.say(3, "a", "three");
    world.release_consumers();
    world.say(4, "a", "four");
    let refused = (3, Said::Refused(ErrorCode::Overloaded));
    assert_eq!(world.answers(), [(1, Said::Offset(1)), (2, Said::Offset(2)), refused, (4, Said::Offset(3))]);
}

#[test]
fn the_cursor_rides_in_the_next_append_and_by_itself_when_none_comes() {
    let mut world = World::shared(u64::MAX);
    world.say(1, "a", "one");
    assert_eq!(cursor(&world), 0, "the append itself could not know");
    world.say(2, "a", "two");
    assert_eq!(cursor(&world), 1);
    world.advance(CURSOR_FLUSH_MS);
    assert_eq!(cursor(&world), 2);
    let appends = world.appends();
    world.settle();
    assert_eq!(world.appends(), appends, "once is enough");
}

#[test]
fn a_cursor_whose_outcome_is_unknown_is_the_one_that_is_read() {
    for verdict in [Verdict::UnknownApplied, Verdict::UnknownNot, Verdict::UnknownLate] {
        let mut world = World::shared(u64::MAX);
        world.say(1, "a", "one");
        world.next_append(verdict);
        world.advance(CURSOR_FLUSH_MS);
        world.settle();
        assert_eq!(cursor(&world), 1, "{verdict:?}");
        world.memory().land_late();
        world.say(2, "a", "two");
        assert_eq!(world.answers(), [(1, Said::Offset(1)), (2, Said::Offset(2))], "{verdict:?}");
    }
}

#[test]
fn whoever_only_reads_learns_that_it_is_fenced() {
    let mut world = World::shared(u64::MAX);
    world.say(1, "a", "one");
    let mut heir = world.rival();
    world.ask_position(2, "a");
    assert_eq!(world.answers(), [(1, Said::Offset(1)), (2, Said::Top(1))], "a moment ago it was mine");
    heir.say(3, "a", "two");
    world.advance(SURE_MS);
    world.ask_position(4, "a");
    world.ask_history(5, "a");
    assert_eq!(world.answers(), [(4, Said::Refused(ErrorCode::Unavailable)), (5, Said::Refused(ErrorCode::Unavailable))]);
    heir.advance(SURE_MS);
    heir.ask_position(6, "a");
    assert_eq!(heir.answers(), [(3, Said::Offset(2)), (6, Said::Top(2))], "the owner reads its fence and answers");
}

#[test]
fn what_was_decided_behind_an_append_of_unknown_outcome_is_old_when_that_took_long_to_learn() {
    for rival_came in [true, false] {
        let mut world = World::shared(u64::MAX);
        world.say(1, "a", "one");
        world.next_append(Verdict::UnknownApplied);
        world.hold_tails();
        world.say(2, "a", "two");
        world.ask_position(3, "a");
        assert_eq!(world.answers(), [(1, Said::Offset(1))]);
        if rival_came {
            let mut heir = world.rival();
            heir.say(4, "a", "three");
            assert_eq!(heir.answers(), [(4, Said::Offset(3))]);
        }
        world.advance(SURE_MS);
        world.release_tails();
        let unavailable = Said::Refused(ErrorCode::Unavailable);
        let expected = if rival_came { [(2, unavailable.clone()), (3, unavailable)] } else { [(2, Said::Offset(2)), (3, Said::Top(2))] };
        assert_eq!(world.answers(), expected, "a rival came: {rival_came}");
    }
}

#[test]
fn old_buckets_lose_their_rows_after_a_while_and_a_new_owner_begins_behind_them() {
    let mut world = World::shared(BUCKET);
    for n in 0..30 {
        world.say(n, "a", &format!("text {n}"));
    }
    assert_eq!(world.memory().log_of(0).len(), 30);
    world.advance(CURSOR_FLUSH_MS);
    world.advance(TRUNCATE_AFTER_MS);
    world.settle();
    let left: Vec<u64> = world.memory().log_of(0).iter().map(|(wseq, _)| *wseq).collect();
    assert_eq!(left, [29, 30], "what the open bucket has");
    let mut heir = world.rival();
    heir.say(100, "a", "by the heir");
    assert_eq!(heir.answers(), [(100, Said::Offset(31))]);
    assert_eq!(heir.stored("a").len(), 31);
}

#[test]
fn a_projection_that_fails_though_the_store_works_is_parked() {
    let mut world = World::shared(u64::MAX);
    world.memory().set_consumer_policy(|write| match write {
        ConsumerWrite::Projections(rows) if rows.iter().any(|row| row.seq == 2) => ConsumerVerdict::Fail(ErrorKind::Limit),
        _ => ConsumerVerdict::Apply,
    });
    for (n, text) in (1..).zip(["one", "two", "three"]) {
        world.say(n, "a", text);
    }
    world.settle();
    let parked: Vec<u64> = world.memory().parked().iter().map(|parked| parked.row.seq).collect();
    assert_eq!(parked, [2]);
    assert_eq!(world.stored("a"), ["one", "two", "three"], "entity rows never are");
}

#[test]
fn writes_that_fail_although_they_were_done_are_done_again() {
    let mut world = World::shared(BUCKET);
    let flips = std::sync::atomic::AtomicU32::new(0);
    world.memory().set_consumer_policy(move |_| match flips.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 3 {
        0 => ConsumerVerdict::FailApplied(ErrorKind::Unavailable),
        1 => ConsumerVerdict::Fail(ErrorKind::Unavailable),
        _ => ConsumerVerdict::Apply,
    });
    for n in 0..20 {
        world.say(n, "a", &format!("text {n}"));
    }
    world.settle();
    assert_eq!(world.answers().len(), 20);
    assert_eq!(world.stored("a").len(), 20);
    assert_eq!(world.memory().parked(), []);
}
