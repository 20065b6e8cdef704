use rialto_protocol::ErrorCode;
use rialto_protocol::event::EventTag;
use rialto_protocol::rpc::{
    ConversationKind::{Direct, Group, Public},
    DeleteMessage, EditMessage, ListMembers, MarkRead, OneConversation, RemoveMember, Request, Role, SetRole, SetSettings,
};

use super::world::{ALICE, BOB, CAROL, DAVE, NOBODY, ROOM, START_MS, World, id, invite, join_or_leave, react, reply, send};
use crate::entity::{Answer, Ask, Tell};
use crate::kernel::Moment;

fn edit(client_id: &str, target: u64) -> Request {
    Request::ConversationEdit(EditMessage { conversation: ROOM, client_id: id(client_id), target, text: "better".to_owned() })
}

fn delete(client_id: &str, target: u64) -> Request {
    Request::ConversationDelete(DeleteMessage { conversation: ROOM, client_id: id(client_id), target })
}

fn remove(client_id: &str, user: rialto_protocol::UserId) -> Request {
    Request::ConversationRemove(RemoveMember { conversation: ROOM, client_id: id(client_id), user })
}

fn set_role(client_id: &str, user: rialto_protocol::UserId, role: Role) -> Request {
    Request::ConversationSetRole(SetRole { conversation: ROOM, client_id: id(client_id), user, role })
}

fn join(client_id: &str) -> Request {
    Request::ConversationJoin(join_or_leave(&id(client_id)))
}

fn leave(client_id: &str) -> Request {
    Request::ConversationLeave(join_or_leave(&id(client_id)))
}

fn mark(offset: u64) -> Request {
    Request::ConversationMarkRead(MarkRead { conversation: ROOM, offset })
}

#[test]
fn a_creation_tells_its_members_and_is_repeated_without_a_second_row() {
    let mut world = World::new();
    let (made, created) = world.create(ALICE, Group, &[BOB, BOB, ALICE], Some(id("c"))).unwrap();
    assert!(created && made.offset == 1 && made.role == Some(Role::Owner) && made.members == [ALICE, BOB]);
    assert!(made.epoch.starts_with("g1") && made.unread == 0 && made.member_count == 2);
    assert!(matches!(world.tells[..], [(ALICE, Tell::Added { .. }), (BOB, Tell::Added { .. })]));
    let (again, created) = world.create(ALICE, Group, &[CAROL], Some(id("c"))).unwrap();
    assert!(!created && again.epoch == made.epoch && world.rows.len() == 1);
    assert_eq!(world.create(BOB, Group, &[], Some(id("c"))).unwrap_err().code, ErrorCode::Conflict);
    assert!(world.is_idle);
}

#[test]
fn a_direct_conversation_is_met_by_either_and_cannot_be_managed() {
    let mut world = World::with(Direct);
    let (met, created) = world.create(BOB, Direct, &[ALICE], Some(id("b"))).unwrap();
    assert!(!created && met.role == Some(Role::Member));
    for request in [leave("1"), invite(&id("2"), &[CAROL]), remove("3", BOB), set_role("4", BOB, Role::Owner)] {
        assert_eq!(world.refused(ALICE, request), ErrorCode::Forbidden);
    }
    assert_eq!(world.refused(CAROL, join("5")), ErrorCode::NotFound);
}

#[test]
fn nobody_is_made_a_member_who_does_not_exist() {
    let mut world = World::new();
    let refusal = world.create(ALICE, Group, &[BOB, NOBODY], None).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::NotFound);
    assert!(refusal.detail.unwrap().contains(&NOBODY.to_string()));
    assert_eq!(world.create(ALICE, Direct, &[ALICE], None).unwrap_err().code, ErrorCode::InvalidArgument);
    assert!(world.rows.is_empty());
    let mut world = World::with(Group);
    assert_eq!(world.refused(ALICE, invite(&id("i"), &[NOBODY])), ErrorCode::NotFound);
}

#[test]
fn who_is_not_in_a_conversation_does_not_learn_that_there_is_one() {
    let mut world = World::with(Group);
    assert_eq!(world.sees(CAROL).unwrap_err().code, ErrorCode::NotFound);
    assert_eq!(world.refused(CAROL, send(&id("x"), "hi")), ErrorCode::NotFound);
    assert_eq!(world.subscribes(CAROL, None, false).unwrap_err().code, ErrorCode::PermissionDenied);
    let mut none = World::new();
    assert_eq!(none.sees(CAROL).unwrap_err().code, ErrorCode::NotFound);
    assert_eq!(none.refused(CAROL, send(&id("x"), "hi")), ErrorCode::NotFound);
    assert_eq!(none.subscribes(CAROL, None, false).unwrap_err().code, ErrorCode::PermissionDenied);
}

#[test]
fn a_message_is_published_at_its_offset_and_a_repeat_answers_the_first() {
    let mut world = World::with(Group);
    let first = world.says(ALICE, &id("m1"), "hi").unwrap();
    assert!(first.offset == 2 && first.time == START_MS && !first.duplicate);
    assert_eq!(world.published[1], (2, world.rows[1].body.clone()));
    let again = world.says(ALICE, &id("m1"), "something else").unwrap();
    assert!(again.duplicate && (again.offset, again.time) == (2, START_MS));
    let other_kind = world.appended(ALICE, leave("m1")).unwrap();
    assert!(other_kind.duplicate && other_kind.offset == 2);
    assert_eq!(world.rows.len(), 2);
    assert_eq!(world.says(BOB, &id("m1"), "mine").unwrap().offset, 3);
    assert_eq!(world.appended(BOB, reply(&id("r"), 3)).unwrap().offset, 4);
    assert_eq!(world.refused(BOB, reply(&id("r2"), 1)), ErrorCode::NotFound);
    assert_eq!(world.refused(BOB, reply(&id("r3"), 9)), ErrorCode::NotFound);
}

#[test]
fn time_never_goes_back() {
    let mut world = World::with(Group);
    world.now.wall_ms -= 60_000;
    assert_eq!(world.says(ALICE, &id("m"), "hi").unwrap().time, START_MS);
}

#[test]
fn messages_are_edited_by_their_sender_and_deleted_by_those_who_manage() {
    let mut world = World::with(Group);
    world.says(BOB, &id("m"), "hi").unwrap();
    assert_eq!(world.refused(ALICE, edit("e0", 2)), ErrorCode::Forbidden);
    world.appended(BOB, edit("e1", 2)).unwrap();
    let (page, _) = world.reads_messages(ALICE, None, None, 10);
    assert!(page[0].text == "better" && page[0].edited && page[0].offset == 2);
    world.says(ALICE, &id("a"), "mine").unwrap();
    assert_eq!(world.refused(BOB, delete("d0", 4)), ErrorCode::Forbidden);
    world.appended(ALICE, delete("d1", 2)).unwrap();
    assert_eq!(world.refused(BOB, edit("e2", 2)), ErrorCode::Conflict);
    assert_eq!(world.refused(BOB, delete("d2", 2)), ErrorCode::Conflict);
    let (page, _) = world.reads_messages(ALICE, None, None, 10);
    assert!(page[0].deleted && page[0].text.is_empty() && page.len() == 2);
}

#[test]
fn reactions_are_a_set_and_repeating_one_makes_no_row() {
    let mut world = World::with(Group);
    world.says(BOB, &id("m"), "hi").unwrap();
    world.appended(BOB, Request::ConversationReact(react(&id("r1"), 2, "👍"))).unwrap();
    world.appended(ALICE, Request::ConversationReact(react(&id("r2"), 2, "👍"))).unwrap();
    let stands = world.appended(ALICE, Request::ConversationReact(react(&id("r3"), 2, "👍"))).unwrap();
    assert!(stands.duplicate && world.rows.len() == 4);
    let (page, _) = world.reads_messages(ALICE, None, None, 10);
    assert_eq!(page[0].reactions["👍"], [BOB, ALICE]);
    world.appended(BOB, Request::ConversationUnreact(react(&id("r4"), 2, "👍"))).unwrap();
    assert!(world.appended(BOB, Request::ConversationUnreact(react(&id("r5"), 2, "👍"))).unwrap().duplicate);
    assert_eq!(world.sees(ALICE).unwrap().last.unwrap().reactions["👍"], [ALICE]);
    for number in 0..63 {
        world.appended(BOB, Request::ConversationReact(react(&id(&format!("n{number}")), 2, &format!("e{number}")))).unwrap();
    }
    assert_eq!(world.refused(BOB, Request::ConversationReact(react(&id("z"), 2, "one more"))), ErrorCode::Conflict);
    assert_eq!(world.refused(BOB, Request::ConversationReact(react(&id("y"), 1, "👍"))), ErrorCode::NotFound);
}

#[test]
fn public_conversations_are_joined_left_and_barred_to_those_removed() {
    let mut world = World::with(Public);
    let seen = world.sees(CAROL).unwrap();
    assert!(seen.role.is_none() && seen.last.is_none() && seen.member_count == 2);
    assert_eq!(world.refused(CAROL, send(&id("s"), "hi")), ErrorCode::NotAMember);
    world.appended(CAROL, join("j1")).unwrap();
    assert!(world.appended(CAROL, join("j2")).unwrap().duplicate);
    world.appended(ALICE, remove("r1", CAROL)).unwrap();
    assert_eq!(world.unsubscribed, [CAROL]);
    assert!(matches!(world.tells.last(), Some((CAROL, Tell::Removed { .. }))));
    assert_eq!(world.refused(CAROL, join("j3")), ErrorCode::Banned);
    assert_eq!(world.refused(BOB, invite(&id("i1"), &[CAROL])), ErrorCode::Banned);
    world.appended(ALICE, invite(&id("i2"), &[CAROL])).unwrap();
    world.appended(CAROL, leave("l1")).unwrap();
    world.appended(CAROL, join("j4")).unwrap();
    assert_eq!(world.refused(ALICE, remove("r2", DAVE)), ErrorCode::NotFound);
}

#[test]
fn a_repeated_leave_is_answered_to_one_who_is_gone() {
    let mut world = World::with(Group);
    let first = world.appended(BOB, leave("l")).unwrap();
    let again = world.appended(BOB, leave("l")).unwrap();
    assert!(again.duplicate && again.offset == first.offset);
    assert_eq!(world.refused(BOB, leave("l2")), ErrorCode::NotFound);
}

#[test]
fn an_invitation_of_several_is_one_request_of_several_rows() {
    let mut world = World::with(Group);
    let answer = world.appended(BOB, invite(&id("i"), &[CAROL, BOB, DAVE, CAROL])).unwrap();
    assert_eq!(answer.offset, 3);
    let remaining: Vec<u16> = world.rows[1..].iter().map(|row| row.remaining).collect();
    assert_eq!(remaining, [1, 0]);
    let again = world.appended(BOB, invite(&id("i"), &[CAROL])).unwrap();
    assert!(again.duplicate && again.offset == 3);
    assert!(world.appended(BOB, invite(&id("i2"), &[DAVE])).unwrap().duplicate);
    let list = ListMembers { conversation: ROOM, limit: Some(3), cursor: None };
    let Ok(Answer::Members(page)) = world.request(DAVE, Request::ConversationMembers(list)) else { panic!() };
    assert!(page.items.len() == 3 && page.items[0].user == ALICE);
    let list = ListMembers { conversation: ROOM, limit: None, cursor: page.next };
    let Ok(Answer::Members(page)) = world.request(DAVE, Request::ConversationMembers(list)) else { panic!() };
    assert!(page.items.len() == 1 && page.items[0].user == DAVE && page.next.is_none());
}

#[test]
fn there_always_is_an_owner() {
    let mut world = World::with(Group);
    world.appended(ALICE, invite(&id("i"), &[CAROL, DAVE])).unwrap();
    assert_eq!(world.refused(BOB, set_role("0", BOB, Role::Owner)), ErrorCode::Forbidden);
    assert_eq!(world.refused(ALICE, set_role("1", ALICE, Role::Member)), ErrorCode::Conflict);
    world.appended(ALICE, set_role("2", DAVE, Role::Admin)).unwrap();
    assert_eq!(world.refused(DAVE, remove("3", ALICE)), ErrorCode::Forbidden);
    world.appended(ALICE, leave("4")).unwrap();
    assert_eq!(world.state().role(DAVE), Some(Role::Owner), "the oldest admin");
    let [change, left] = &world.rows[world.rows.len() - 2..] else { panic!() };
    assert!((change.event, change.remaining) == (EventTag::RoleChanged, 1) && (left.event, left.remaining) == (EventTag::MemberLeft, 0));
    world.appended(DAVE, leave("5")).unwrap();
    assert_eq!(world.state().role(BOB), Some(Role::Owner), "the oldest member");
    world.appended(BOB, set_role("6", CAROL, Role::Owner)).unwrap();
    world.appended(BOB, set_role("7", BOB, Role::Member)).unwrap();
    assert_eq!(world.state().role(BOB), Some(Role::Member));
}

#[test]
fn titles_are_set_by_those_who_manage() {
    let mut world = World::with(Group);
    let set = |client_id: &str, title: &str| {
        Request::ConversationSet(SetSettings { conversation: ROOM, client_id: id(client_id), title: Some(title.to_owned()) })
    };
    assert_eq!(world.refused(BOB, set("0", "Ours")), ErrorCode::Forbidden);
    world.appended(ALICE, set("1", "Ours")).unwrap();
    assert_eq!(world.sees(BOB).unwrap().title.as_deref(), Some("Ours"));
    assert!(world.appended(ALICE, set("2", "Ours")).unwrap().duplicate);
    world.appended(ALICE, set("3", "")).unwrap();
    assert_eq!(world.sees(BOB).unwrap().title, None);
}

#[test]
fn unread_counts_are_exact_and_leave_out_ones_own() {
    let mut world = World::with(Group);
    for number in 0..5 {
        world.says(ALICE, &id(&format!("a{number}")), "hi").unwrap();
        world.says(BOB, &id(&format!("b{number}")), "ho").unwrap();
    }
    assert_eq!(world.sees(BOB).unwrap().unread, 5);
    let marked = |world: &mut World, offset| match world.request(BOB, mark(offset)) {
        Ok(Answer::Marked(marked)) => (marked.offset, marked.unread),
        other => panic!("{other:?}"),
    };
    assert_eq!(marked(&mut world, 4), (4, 3));
    assert_eq!(marked(&mut world, 2), (4, 3), "never back");
    world.reactivate(true);
    assert_eq!(marked(&mut world, 5), (5, 3));
    assert_eq!(marked(&mut world, 11), (11, 0));
    assert_eq!(world.refused(BOB, mark(12)), ErrorCode::InvalidArgument);
    assert!(matches!(world.tells.last(), Some((BOB, Tell::Read { mark, .. })) if mark.offset == 11));
    assert_eq!(world.refused(CAROL, mark(1)), ErrorCode::NotFound);
}

#[test]
fn typing_is_seen_by_listeners_and_never_stored() {
    let mut world = World::with(Group);
    let typing = || Request::ConversationTyping(OneConversation { conversation: ROOM });
    assert_eq!(world.request(BOB, typing()), Ok(Answer::Done));
    let (offset, data) = world.published.last().unwrap();
    assert!(*offset == 0 && data.starts_with(b"{\"type\":\"typing\"") && world.rows.len() == 1);
    assert_eq!(world.refused(CAROL, typing()), ErrorCode::NotFound);
}

#[test]
fn pages_go_both_ways() {
    let mut world = World::with(Group);
    for number in 0..7 {
        world.says(ALICE, &id(&format!("a{number}")), "hi").unwrap();
    }
    let offsets = |page: &[rialto_protocol::rpc::Message]| page.iter().map(|message| message.offset).collect::<Vec<_>>();
    let (page, next) = world.reads_messages(BOB, None, None, 3);
    assert_eq!((offsets(&page), next.as_deref()), (vec![6, 7, 8], Some("6")));
    let (page, next) = world.reads_messages(BOB, Some(4), None, 3);
    assert_eq!((offsets(&page), next), (vec![2, 3], None));
    let (page, next) = world.reads_messages(BOB, None, Some(2), 3);
    assert_eq!((offsets(&page), next.as_deref()), (vec![3, 4, 5], Some("5")));
}

#[test]
fn members_hear_of_news_at_once_and_then_once_a_second() {
    let mut world = World::with(Group);
    world.tells.clear();
    world.says(ALICE, &id("1"), "one").unwrap();
    assert_eq!(world.tells.len(), 2);
    assert!(world.is_idle);
    for number in 2..50 {
        world.says(ALICE, &id(&number.to_string()), "more").unwrap();
    }
    assert!(world.tells.len() == 2 && !world.is_idle);
    let wake_at_ms = world.wake_at_ms.unwrap();
    world.passes(wake_at_ms - world.now.mono_ms);
    world.input(crate::entity::EntityInput::Woken);
    let Some((BOB, Tell::Changed { last: Some(last), ordinal: 49, own: 0, .. })) = world.tells.last() else { panic!() };
    assert!(last.text == "more" && world.tells.len() == 4 && world.is_idle);
}

#[test]
fn anonymous_callers_get_nothing_and_damaged_rows_make_it_unavailable() {
    let mut world = World::with(Public);
    let anonymous = rialto_protocol::UserId(uuid::Uuid::nil());
    assert_eq!(world.refused(anonymous, join("j")), ErrorCode::Forbidden);
    assert_eq!(world.subscribes(anonymous, None, false).unwrap_err().code, ErrorCode::PermissionDenied);
    let reply = world.ask(BOB, Ask::Presence);
    assert_eq!(world.replies.remove(&reply), Some(Ok(Answer::Allowed)));
    world.rows[0].body = bytes::Bytes::from_static(b"{");
    world.reactivate(false);
    assert_eq!(world.refused(ALICE, send(&id("m"), "hi")), ErrorCode::Unavailable);
    assert!(world.is_idle);
}

#[test]
fn a_machine_that_was_never_activated_refuses() {
    let mut world = World::new();
    world.machine = crate::conversation::Conversation::new(ROOM);
    world.now = Moment::default();
    assert_eq!(world.refused(ALICE, send(&id("m"), "hi")), ErrorCode::Unavailable);
}
