//! What has left memory: look-ups, recovery, history, snapshots.

use rialto_protocol::ErrorCode;
use rialto_protocol::command::{History, Since};
use rialto_protocol::limits::{
    ANSWER_BYTES_MAX, CLIENT_ID_AGE_MS, CLIENT_ID_AHEAD_MS, LONG_RECOVERY_BYTES_MAX, LONG_RECOVERY_PUBLICATIONS_MAX, RECOVERY_BYTES_MAX,
    TEXT_BYTES_MAX,
};
use rialto_protocol::rpc::{ConversationKind::Group, DeleteMessage, Message, Request};
use rialto_storage::entity_rows::Activation;
use rialto_storage::{ErrorKind, StorageError};

use super::world::{ALICE, BOB, CAROL, START_MS, World, dated, id, react, reply, send};
use crate::conversation::Conversation;
use crate::conversation::limits::{LOOKUPS_MAX, RECENT_ROWS_MAX, SNAPSHOT_ROWS, WAITING_PER_USER_MAX};
use crate::conversation::state::State;
use crate::entity::{Answer, Ask, EntityInput, Query};

fn talkative(num_messages: u64) -> World {
    let mut world = World::with(Group);
    for number in 0..num_messages {
        world.begin(ALICE, send(&id(&format!("m{number}")), "hi"));
        world.quiet();
    }
    world
}

fn history(world: &mut World, limit: i32, since: Option<u64>, reverse: bool) -> Vec<u64> {
    let since = since.map(|offset| Since { offset, epoch: String::new() });
    let reply = world.ask(BOB, Ask::History(History { channel: String::new(), limit, since, reverse }));
    world.quiet();
    match world.replies.remove(&reply) {
        Some(Ok(Answer::History(result))) => {
            assert_eq!(result.offset, world.rows.len() as u64);
            result.publications.iter().map(|publication| publication.offset).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn ids_too_old_or_too_far_ahead_are_refused() {
    let mut world = World::with(Group);
    for dated_ms in [START_MS + CLIENT_ID_AHEAD_MS + 1, START_MS - CLIENT_ID_AGE_MS - 1] {
        assert_eq!(world.refused(ALICE, send(&dated(dated_ms, 1), "hi")), ErrorCode::ClientIdExpired);
    }
    for dated_ms in [START_MS + CLIENT_ID_AHEAD_MS, START_MS - CLIENT_ID_AGE_MS] {
        assert!(!world.says(ALICE, &dated(dated_ms, 1), "hi").unwrap().duplicate);
    }
}

#[test]
fn a_repeat_of_what_left_memory_is_looked_up_once_and_copies_wait() {
    let mut world = talkative(RECENT_ROWS_MAX + 50);
    world.reactivate(true);
    world.num_reads = 0;
    let first = world.begin(ALICE, send(&id("m0"), "hi"));
    let copy = world.begin(ALICE, send(&id("m0"), "hi"));
    let new = world.begin(ALICE, send(&id("new"), "hi"));
    let new_copy = world.begin(ALICE, send(&id("new"), "hi"));
    assert_eq!(world.reads.len(), 1, "one look-up per user at a time");
    world.quiet();
    let appended = |world: &World, reply| match &world.replies[&reply] {
        Ok(Answer::Appended(appended)) => (appended.offset, appended.duplicate),
        other => panic!("{other:?}"),
    };
    assert_eq!(appended(&world, first), (2, true));
    assert_eq!(appended(&world, copy), (2, true));
    let top = world.rows.len() as u64;
    assert_eq!(appended(&world, new), (top, false));
    assert_eq!(appended(&world, new_copy), (top, true));
}

#[test]
fn ids_dated_now_need_no_look_up_once_memory_reaches_back() {
    let mut world = talkative(10);
    world.reactivate(true);
    world.num_reads = 0;
    world.says(ALICE, &dated(START_MS, 1), "a row of this id might be among those not in memory").unwrap();
    assert_eq!(world.num_reads, 1);
    world.passes(CLIENT_ID_AHEAD_MS + 1);
    world.num_reads = 0;
    for number in 0..2 * RECENT_ROWS_MAX {
        let now = world.now.wall_ms;
        world.says(ALICE, &dated(now, number), "hi").unwrap();
    }
    assert!(world.num_reads <= 2, "the filter covers more than the rows held: {} look-ups", world.num_reads);
    let now = world.now.wall_ms;
    assert!(world.says(ALICE, &dated(now, 3), "again").unwrap().duplicate, "found in the store");
}

#[test]
fn look_ups_are_bounded_and_a_failed_one_refuses_its_command() {
    let mut world = talkative(2);
    world.reactivate(true);
    let replies: Vec<u64> = (0..WAITING_PER_USER_MAX + 5).map(|n| world.begin(ALICE, send(&id(&format!("w{n}")), "hi"))).collect();
    assert!(replies.iter().filter(|reply| world.replies.contains_key(reply)).count() == 5 && world.reads.len() == 1);
    for number in 0..2 * LOOKUPS_MAX as u128 {
        world.begin(rialto_protocol::UserId(uuid::Uuid::from_u128(1_000 + number)), send(&id("x"), "hi"));
    }
    assert_eq!(world.reads.len(), LOOKUPS_MAX);
    let (token, _) = world.reads.pop_front().unwrap();
    world.input(EntityInput::Answered { token, answer: Err(StorageError::new(ErrorKind::Unavailable, "find", "cut")) });
    assert_eq!(world.replies[&replies[0]].as_ref().unwrap_err().code, ErrorCode::Unavailable);
    world.quiet();
    assert!(replies[1..WAITING_PER_USER_MAX].iter().all(|reply| matches!(world.replies[reply], Ok(Answer::Appended(_)))));
    world.passes(1_000);
    world.input(EntityInput::Woken);
    assert!(world.is_idle);
}

#[test]
fn old_messages_are_reacted_to_and_answered_by_way_of_the_store() {
    let mut world = talkative(RECENT_ROWS_MAX + 50);
    world.appended(BOB, Request::ConversationReact(react(&id("r1"), 2, "👍"))).unwrap();
    assert!(world.appended(BOB, Request::ConversationReact(react(&id("r2"), 2, "👍"))).unwrap().duplicate);
    world.appended(BOB, reply(&id("r3"), 2)).unwrap();
    assert_eq!(world.refused(BOB, reply(&id("r4"), 1)), ErrorCode::NotFound);
}

#[test]
fn what_happened_to_a_message_while_it_was_read_is_not_overlooked() {
    for num_later in [1, RECENT_ROWS_MAX + 20] {
        let mut world = talkative(RECENT_ROWS_MAX + 50);
        world.is_store_early = true;
        let slow = world.begin(BOB, Request::ConversationReact(react(&id("r"), 2, "👍")));
        let read = world.reads.pop_front().unwrap();
        let delete = DeleteMessage { conversation: super::world::ROOM, client_id: id("d"), target: 2 };
        world.appended(ALICE, Request::ConversationDelete(delete)).unwrap();
        for number in 0..num_later {
            world.says(ALICE, &id(&format!("later{number}")), "hi").unwrap();
        }
        world.reads.push_back(read);
        world.quiet();
        assert_eq!(world.replies[&slow].as_ref().unwrap_err().code, ErrorCode::Conflict, "{num_later} rows later");
    }
}

#[test]
fn recovery_is_whole_or_honest() {
    let mut world = talkative(RECENT_ROWS_MAX + 100);
    let top = world.rows.len() as u64;
    let plain = world.subscribes(BOB, None, false).unwrap();
    assert!(plain.recoverable && plain.positioned && !plain.was_recovering && plain.offset == top);
    assert!(world.subscribes(BOB, Some((top, &plain.epoch)), true).unwrap().recovered);
    assert_eq!(world.subscribes(BOB, Some((top - 10, "")), false).unwrap().publications.len(), 10);
    let from_store = world.subscribes(BOB, Some((top - 300, &plain.epoch)), false).unwrap();
    assert!(from_store.recovered && from_store.publications.len() == 300 && from_store.offset == top - 300);
    for (offset, epoch) in [(top - 301, ""), (top + 1, ""), (top, "other"), (0, "")] {
        let lost = world.subscribes(BOB, Some((offset, epoch)), false).unwrap();
        assert!(!lost.recovered && lost.was_recovering && lost.offset == top && lost.publications.is_empty());
        assert_eq!(world.subscribes(BOB, Some((offset, epoch)), true).unwrap_err().code, ErrorCode::UnrecoverablePosition);
    }
}

#[test]
fn a_recovery_reaches_the_top_of_the_moment_in_which_it_is_answered() {
    let mut world = talkative(RECENT_ROWS_MAX + 20);
    let offset = world.rows.len() as u64 - RECENT_ROWS_MAX - 10;
    let recover = Some(crate::entity::StreamPosition { offset, epoch: String::new() });
    let reply = world.ask(BOB, Ask::Subscribe(crate::entity::SubscribeAsk { recover, ..Default::default() }));
    assert_eq!(world.reads.len(), 1);
    for number in 0..20 {
        world.begin(ALICE, send(&id(&format!("late{number}")), "hi"));
        world.make_durable(u64::MAX);
    }
    let found_late = world.reads.pop_front().unwrap();
    let Query::Rows(range) = &found_late.1 else { panic!() };
    let rows = world.rows.iter().filter(|row| (range.from..=range.to).contains(&row.seq)).cloned().collect();
    world.input(EntityInput::Answered { token: found_late.0, answer: Ok(crate::entity::Found::Rows(rows)) });
    world.quiet();
    // The world itself compares the publications with its rows.
    assert!(matches!(&world.replies[&reply], Ok(Answer::Subscribed(result)) if result.recovered && result.publications.len() == 286));
}

#[test]
fn history_comes_from_memory_and_store_alike() {
    let mut world = talkative(RECENT_ROWS_MAX + 100);
    let top = world.rows.len() as u64;
    assert_eq!(history(&mut world, 0, None, false), [0_u64; 0]);
    assert_eq!(history(&mut world, 3, None, false), [1, 2, 3]);
    assert_eq!(history(&mut world, 3, None, true), [top, top - 1, top - 2]);
    assert_eq!(history(&mut world, -1, None, true).len(), 300);
    assert_eq!(history(&mut world, 250, Some(50), false), (51..=300).collect::<Vec<_>>());
    assert_eq!(history(&mut world, 5, Some(3), true), [2, 1]);
    assert_eq!(history(&mut world, 5, Some(top), false), [0_u64; 0]);
    let ask = Ask::History(History { channel: String::new(), limit: 1, since: None, reverse: false });
    let reply = world.ask(CAROL, ask);
    assert_eq!(world.replies[&reply].as_ref().unwrap_err().code, ErrorCode::PermissionDenied);
}

#[test]
fn snapshots_are_due_by_rows_and_bound_what_is_folded() {
    let mut world = talkative(2 * SNAPSHOT_ROWS + 10);
    let seqs: Vec<u64> = world.snapshots.iter().map(|snapshot| snapshot.seq).collect();
    assert_eq!(seqs, [SNAPSHOT_ROWS, 2 * SNAPSHOT_ROWS]);
    let snapshot = world.snapshots.pop();
    let rows = world.rows[2_000..].to_vec();
    let mut fresh = Conversation::new(super::world::ROOM);
    fresh.load(world.now, Activation { snapshot, rows }, world.applied).unwrap();
    assert_eq!(fresh.state.as_ref(), Some(world.state()));
    assert_eq!(world.state().ordinal, 2 * SNAPSHOT_ROWS + 10);
}

#[test]
fn large_bodies_make_a_snapshot_due_earlier_and_rows_that_are_not_durable_stay() {
    let mut world = World::with(Group);
    let text = "x".repeat(32 * 1024);
    for number in 0..40 {
        world.begin(ALICE, send(&id(&format!("m{number}")), &text));
    }
    assert!(world.snapshots.is_empty() && world.machine.recent.first() == 1);
    world.make_durable(u64::MAX);
    assert_eq!(world.snapshots.len(), 1);
    assert!(world.machine.recent.first() > 30, "only 256 KiB stay");
    let mut refolded = None;
    world.rows.iter().for_each(|row| State::fold(&mut refolded, row).unwrap());
    assert_eq!(refolded.as_ref(), Some(world.state()));
}

/// A conversation whose texts are of the largest size: row 1 creates it, the messages follow.
fn wordy(num_messages: u64) -> World {
    let mut world = World::with(Group);
    let text = "x".repeat(TEXT_BYTES_MAX);
    for number in 0..num_messages {
        world.begin(ALICE, send(&id(&format!("m{number}")), &text));
        world.quiet();
    }
    world
}

/// Largest messages that fit one answer.
const FITTING: u64 = (ANSWER_BYTES_MAX / (TEXT_BYTES_MAX + 512)) as u64;

#[test]
fn a_history_ends_before_its_bytes_are_too_many_and_nothing_is_skipped() {
    let mut world = wordy(40);
    let top = world.rows.len() as u64;
    for reverse in [false, true] {
        let (mut seen, mut since) = (Vec::new(), None);
        loop {
            let part = history(&mut world, -1, since, reverse);
            assert!(part.len() as u64 <= FITTING + 1);
            since = part.last().copied();
            seen.extend(part);
            if seen.last() == Some(&if reverse { 1 } else { top }) {
                break;
            }
        }
        if reverse {
            seen.reverse();
        }
        assert_eq!(seen, (1..=top).collect::<Vec<_>>());
    }
}

#[test]
fn pages_end_before_their_bytes_are_too_many_and_nothing_is_skipped() {
    let mut world = wordy(40);
    let top = world.rows.len() as u64;
    let offsets = |page: &[Message]| page.iter().map(|message| message.offset).collect::<Vec<_>>();
    let (newest, next) = world.reads_messages(BOB, None, None, 100);
    assert_eq!(offsets(&newest), (top - FITTING + 1..=top).collect::<Vec<_>>());
    let (mut down, mut before) = (offsets(&newest), next);
    while let Some(next) = before {
        let (page, further) = world.reads_messages(BOB, Some(next.parse().unwrap()), None, 100);
        down.splice(0..0, offsets(&page));
        before = further;
    }
    let (mut up, mut after) = (Vec::new(), Some(0));
    while let Some(from) = after {
        let (page, further) = world.reads_messages(BOB, None, Some(from), 100);
        assert!(page.len() as u64 <= FITTING);
        up.extend(offsets(&page));
        after = further.map(|next| next.parse().unwrap());
    }
    assert_eq!((down, up), ((2..=top).collect::<Vec<_>>(), (2..=top).collect::<Vec<_>>()));
}

#[test]
fn a_recovery_of_too_many_bytes_is_not_one() {
    let mut world = wordy(40);
    let (top, epoch) = (world.rows.len() as u64, world.sees(BOB).unwrap().epoch);
    let few = (RECOVERY_BYTES_MAX / (TEXT_BYTES_MAX + 512)) as u64;
    let whole = world.subscribes(BOB, Some((top - few, &epoch)), true).unwrap();
    assert!(whole.recovered && whole.publications.len() as u64 == few);
    let lost = world.subscribes(BOB, Some((top - few - 1, &epoch)), false).unwrap();
    assert!(!lost.recovered && lost.was_recovering && lost.publications.is_empty() && lost.offset == top);
    assert_eq!(world.subscribes(BOB, Some((1, &epoch)), true).unwrap_err().code, ErrorCode::UnrecoverablePosition);
}

#[test]
fn who_comes_back_finds_much_more_than_one_answer_holds() {
    let most = LONG_RECOVERY_PUBLICATIONS_MAX as u64;
    let mut world = talkative(most + 50);
    let top = world.rows.len() as u64;
    let whole = world.returns(BOB, top - most).unwrap();
    assert!(whole.recovered && whole.publications.len() as u64 == most && whole.offset == top - most);
    let lost = world.returns(BOB, top - most - 1).unwrap();
    assert!(!lost.recovered && lost.was_recovering && lost.offset == top && lost.publications.is_empty());
}

#[test]
fn a_long_recovery_ends_at_its_bytes_too() {
    let few = (LONG_RECOVERY_BYTES_MAX / (TEXT_BYTES_MAX + 512)) as u64;
    let mut world = wordy(few + 20);
    let top = world.rows.len() as u64;
    let whole = world.returns(BOB, top - few).unwrap();
    assert!(whole.recovered && whole.publications.len() as u64 == few);
    assert!(!world.returns(BOB, top - few - 10).unwrap().recovered);
}
