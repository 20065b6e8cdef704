//! The shard in virtual time over the in-memory store: the output gate, unknown outcomes, full stores, lost fences, panics.

mod shared;
mod tape;
mod world;

use rialto_protocol::{ConversationId, ErrorCode, UserId};
use rialto_storage::ErrorKind;
use rialto_storage::backend::memory::Verdict;

use uuid::Uuid;

use tracing::Level;

use crate::entity::Tell;
use crate::kernel::heard::lines_of;
use crate::shard::ShardConfig;
use world::{Said, World};

#[test]
fn nothing_leaves_before_it_is_durable_and_then_in_order() {
    let mut world = World::start();
    world.hold_appends();
    world.say(1, "a", "one");
    world.say(2, "a", "two");
    world.ask_position(3, "b");
    assert_eq!(world.answers(), [], "an answer decided on rows that are not durable has left");
    world.release_append();
    assert_eq!(world.answers(), [(1, Said::Offset(1))], "the first batch holds one row");
    world.release_append();
    assert_eq!(
        world.answers(),
        [(2, Said::Offset(2)), (3, Said::Top(0))],
        "the read of another entity waits for the rows queued before it"
    );
}

#[test]
fn rows_that_come_in_one_round_share_an_append() {
    let mut world = World::start();
    world.say_together(0..64, "a");
    assert_eq!((world.answers().len(), world.appends()), (64, 1));
    world.say_together(64..128, "a");
    world.say(128, "a", "alone");
    assert_eq!((world.answers().len(), world.appends()), (65, 3));
}

#[test]
fn rows_that_come_while_an_append_is_under_way_share_the_next_one() {
    let mut world = World::start();
    world.hold_appends();
    for n in 0..50 {
        world.say(n, "a", "text");
    }
    world.release_append();
    world.release_append();
    assert_eq!(world.answers().len(), 50);
    assert_eq!(world.appends(), 2);
}

#[test]
fn an_unknown_outcome_is_resolved_by_reading_and_never_doubles() {
    for verdict in [Verdict::UnknownApplied, Verdict::UnknownNot, Verdict::Fail(ErrorKind::Unavailable)] {
        let mut world = World::start();
        world.next_append(verdict);
        world.say(1, "a", "one");
        world.say(2, "a", "two");
        world.settle();
        assert_eq!(world.answers(), [(1, Said::Offset(1)), (2, Said::Offset(2))], "{verdict:?}");
        assert_eq!(world.stored("a"), ["one", "two"], "{verdict:?}");
    }
}

#[test]
fn a_full_store_refuses_what_waited_and_recovers() {
    let mut world = World::start();
    world.say(1, "a", "kept");
    assert_eq!(world.answers(), [(1, Said::Offset(1))]);
    world.next_append(Verdict::Full);
    world.say(2, "a", "lost");
    world.settle();
    assert_eq!(world.answers(), [(2, Said::Refused(ErrorCode::StorageFull))]);
    world.say(3, "a", "again");
    world.settle();
    // The store voided all fences: the shard claims again on its next append and refuses once more, or goes on at once.
    world.say(4, "a", "again");
    world.settle();
    let answers = world.answers();
    assert_eq!(answers.last(), Some(&(4, Said::Offset(world.stored("a").len() as u64))), "{answers:?}");
    assert_eq!(world.stored("a")[0], "kept");
    assert!(!world.stored("a").contains(&"lost".to_owned()));
}

#[test]
fn a_lost_fence_refuses_what_waited_and_reloads() {
    let mut world = World::start();
    world.say(1, "a", "one");
    world.next_append(Verdict::Fenced);
    world.say(2, "a", "two");
    world.settle();
    assert_eq!(world.answers(), [(1, Said::Offset(1)), (2, Said::Refused(ErrorCode::Unavailable))]);
    world.say(3, "a", "three");
    world.settle();
    assert_eq!(world.answers(), [(3, Said::Offset(2))], "the state was loaded again: the refused row took no place");
    assert_eq!(world.stored("a"), ["one", "three"]);
}

#[test]
fn a_panic_loses_nothing_and_the_neighbours_do_not_notice() {
    let mut world = World::start();
    world.hold_appends();
    world.say(1, "a", "one");
    world.say(2, "b", "other");
    world.say(3, "a", "two");
    world.say(4, "a", "poison");
    world.say(5, "a", "three");
    world.say(6, "b", "more");
    while world.release_append() {}
    let answers = world.answers();
    assert!(answers.contains(&(4, Said::Refused(ErrorCode::Unavailable))), "the poisonous command is answered: {answers:?}");
    for (reply, offset) in [(1, 1), (3, 2), (5, 3), (2, 1), (6, 2)] {
        assert!(answers.contains(&(reply, Said::Offset(offset))), "{reply}: {answers:?}");
    }
    assert_eq!(world.stored("a"), ["one", "two", "three"]);
    assert_eq!(world.stored("b"), ["other", "more"]);
}

#[test]
fn a_poison_entity_ends_as_unavailable_and_comes_back_after_its_pause() {
    let mut world = World::start();
    world.say(1, "a", "one");
    for n in 0..10 {
        world.say(10 + n, "a", "poison");
    }
    world.answers();
    assert_eq!(world.activations("a"), 1 + 3, "three crashes are forgiven, the fourth keeps it down: no loop");
    world.say(30, "a", "two");
    assert_eq!(world.answers(), [(30, Said::Refused(ErrorCode::Unavailable))]);
    world.say(31, "b", "fine");
    assert_eq!(world.answers(), [(31, Said::Offset(1))]);
    world.advance(crate::kernel::supervise::QUARANTINE_MS_MIN);
    world.say(32, "a", "two");
    assert_eq!(world.answers(), [(32, Said::Offset(2))]);
}

#[test]
fn who_listens_to_a_stream_in_memory_that_is_gone_is_told_to_recover() {
    let mut world = World::start();
    for _ in 0..10 {
        assert_eq!(world.topic_panics("news"), ["news"], "each time, kept down or not");
        world.advance(crate::kernel::supervise::QUARANTINE_MS_MAX);
    }
    world.say(1, "a", "poison");
    assert_eq!(world.answers(), [(1, Said::Refused(ErrorCode::Unavailable))]);
}

#[test]
fn an_idle_entity_leaves_memory_and_comes_back_with_the_next_message() {
    let mut world = World::start();
    world.say(1, "a", "one");
    world.advance(60_000);
    world.settle();
    assert_eq!(world.live(), 0);
    world.say(2, "a", "two");
    assert_eq!(world.answers(), [(1, Said::Offset(1)), (2, Said::Offset(2))]);
}

#[test]
fn an_inbox_with_a_listener_leaves_memory_too_and_its_offsets_go_on() {
    let mut world = World::start();
    let user = UserId(Uuid::from_u128(1));
    world.listens(user, 1).unwrap();
    let added = || Tell::Added { conversation: ConversationId(Uuid::from_u128(2)) };
    world.advance(1_000);
    assert_eq!(world.tell(user, added()), [1]);
    world.advance(30_000);
    assert_eq!(world.live(), 1, "a listener could still recover the event");
    world.settle();
    assert_eq!(world.live(), 0);
    assert_eq!(world.tell(user, added()), [2]);
}

#[test]
fn many_entities_touched_once_stay_within_the_bound() {
    let mut world = World::start();
    for n in 0..5_000 {
        world.say(n, &format!("room {n}"), "hello");
        assert!(world.live() <= ShardConfig::default().entities_live_max + 1, "{} entities live", world.live());
    }
    assert_eq!(world.answers().len(), 5_000);
}

#[test]
fn an_entity_with_rows_that_are_not_durable_is_not_passivated() {
    let mut world = World::start();
    world.hold_appends();
    world.say(1, "a", "one");
    world.advance(120_000);
    assert_eq!(world.live(), 1);
}

#[test]
fn a_log_rolls_through_sealed_buckets_and_a_new_owner_finds_its_end() {
    let mut world = World::with_buckets(4);
    for n in 0..30 {
        world.say(n, "a", &format!("text {n}"));
    }
    let expected: Vec<_> = (0..30).map(|n| (n, Said::Offset(n + 1))).collect();
    assert_eq!(world.answers(), expected);
    let mut heir = world.rival();
    heir.say(100, "a", "by the heir");
    assert_eq!(heir.answers(), [(100, Said::Offset(31))]);
    world.say(200, "a", "by the old owner");
    world.settle();
    assert_eq!(world.answers(), [(200, Said::Refused(ErrorCode::Unavailable))], "the old owner learns that it is fenced");
    assert_eq!(heir.stored("a").len(), 31);
}

#[test]
fn rows_that_wait_while_the_log_rolls_keep_their_order() {
    let mut world = World::with_buckets(3);
    world.hold_appends();
    for n in 0..20 {
        world.say(n, "a", &format!("text {n}"));
    }
    while world.release_append() {}
    let expected: Vec<_> = (0..20).map(|n| (n, Said::Offset(n + 1))).collect();
    assert_eq!(world.answers(), expected);
}

#[test]
fn a_user_has_as_many_connections_as_the_operator_says() {
    let mut world = World::start_with(ShardConfig { connections_per_user_max: 2, ..ShardConfig::default() });
    let user = |number| UserId(Uuid::from_u128(number));
    let told: Vec<_> = (1..=3).map(|connection| world.listens(user(1), connection)).collect();
    assert_eq!(told, [Ok(()), Ok(()), Err(ErrorCode::LimitExceeded)]);
    assert_eq!(world.listens(user(2), 4), Ok(()));
}

#[test]
fn a_panic_line_names_the_entity_and_the_asker_and_never_what_was_said() {
    let lines = lines_of(Level::ERROR, || World::start().say(1, "a", "poison"));
    let asker = "user=00000000-0000-0000-0000-000000000001";
    assert!(lines.len() == 1 && lines[0].contains("kind=Conversation entity=") && lines[0].contains(asker), "{lines:?}");
    let lines = lines_of(Level::DEBUG, || World::start().say(1, "a", "fine"));
    let taken = lines.iter().find(|line| line.ends_with(&format!("{asker}] message=taken"))).expect("within the entity's span");
    assert!(taken.starts_with("[entity kind=Conversation entity="), "{taken}");
}
