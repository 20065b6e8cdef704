//! Random commands with random delays of store and log, restarts included.

use std::collections::HashMap;

use proptest::prelude::*;
use rialto_protocol::event::EventTag;
use rialto_protocol::rpc::{
    ConversationKind, DeleteMessage, EditMessage, ListMessages, MarkRead, OneConversation, RemoveMember, Request, Role, SetRole,
    SetSettings,
};
use rialto_protocol::{ClientId, UserId};
use rialto_storage::entity_rows::Activation;

use super::world::{ALICE, BOB, CAROL, DAVE, NOBODY, ROOM, World, dated, id, invite, join_or_leave, react, reply, send};
use crate::conversation::Conversation;
use crate::conversation::state::State;
use crate::entity::{Ask, EntityInput, StreamPosition, SubscribeAsk};

const PEOPLE: [UserId; 5] = [ALICE, BOB, CAROL, DAVE, NOBODY];

/// One thing that happens: what, who, two small numbers.
type Op = (u8, u8, u8, u8);

fn client_id(world: &World, number: u8) -> ClientId {
    if number.is_multiple_of(2) {
        id(&format!("id{number}"))
    } else {
        dated(super::world::START_MS, u64::from(number) + world.now.mono_ms / 600_000)
    }
}

fn request(world: &World, kind: u8, user: UserId, target: u64, client_id: &ClientId) -> Request {
    let conversation = ROOM;
    let emoji = ["👍", "🎉"][usize::from(kind % 2)];
    match kind {
        0..=9 => send(client_id, "hi"),
        10 | 11 => reply(client_id, target),
        12 | 13 => Request::ConversationEdit(EditMessage { conversation, client_id: client_id.clone(), target, text: "new".into() }),
        14 => Request::ConversationDelete(DeleteMessage { conversation, client_id: client_id.clone(), target }),
        15..=17 => Request::ConversationReact(react(client_id, target, emoji)),
        18 | 19 => Request::ConversationUnreact(react(client_id, target, emoji)),
        20 => Request::ConversationJoin(join_or_leave(client_id)),
        21 => Request::ConversationLeave(join_or_leave(client_id)),
        22 | 23 => invite(client_id, &[user, CAROL, DAVE]),
        24 => Request::ConversationRemove(RemoveMember { conversation, client_id: client_id.clone(), user }),
        25 => {
            let role = [Role::Member, Role::Admin, Role::Owner][usize::try_from(target % 3).unwrap()];
            Request::ConversationSetRole(SetRole { conversation, client_id: client_id.clone(), user, role })
        }
        26 => Request::ConversationSet(SetSettings { conversation, client_id: client_id.clone(), title: Some(format!("t{target}")) }),
        27 | 28 => Request::ConversationMarkRead(MarkRead { conversation, offset: target.min(world.rows.len() as u64 + 1) }),
        29 => Request::ConversationMessages(ListMessages { conversation, before: Some(target), after: None, limit: None }),
        30 => Request::ConversationTyping(OneConversation { conversation }),
        _ => Request::ConversationGet(OneConversation { conversation }),
    }
}

fn happen(world: &mut World, asked: &mut Vec<u64>, (kind, who, number, other): Op) {
    world.is_store_early = who.is_multiple_of(2);
    let user = PEOPLE[usize::from(who) % PEOPLE.len()];
    let target = u64::from(other) % (world.rows.len() as u64 + 2);
    match kind % 48 {
        kind @ 0..=31 => {
            let client_id = client_id(world, number % 24);
            let about = PEOPLE[usize::from(other) % 4];
            let request = request(world, kind, about, target, &client_id);
            asked.push(world.begin(user, request));
        }
        32 | 33 => {
            let recover = Some(StreamPosition { offset: target, epoch: String::new() });
            asked.push(world.ask(user, Ask::Subscribe(SubscribeAsk { recover, ..SubscribeAsk::default() })));
        }
        34..=39 => {
            world.answer_read();
        }
        // Answers come in any order.
        40 | 41 => {
            world.reads.rotate_left(usize::from(other) % world.reads.len().max(1));
            world.answer_read();
        }
        42..=44 => world.make_durable(world.applied + u64::from(other) % 8),
        45 => {
            world.passes(u64::from(other) * 5_000);
            world.input(EntityInput::Woken);
        }
        _ => {
            asked.retain(|reply| world.replies.contains_key(reply));
            world.reactivate(other % 2 == 0);
        }
    }
}

fn check(world: &mut World, asked: &[u64]) {
    world.quiet();
    assert!(asked.iter().all(|reply| world.replies.contains_key(reply)), "everybody is answered");
    let offsets: Vec<u64> = world.published.iter().map(|(offset, _)| *offset).filter(|offset| *offset > 0).collect();
    assert_eq!(offsets, (1..=world.rows.len() as u64).collect::<Vec<_>>(), "publications are contiguous");
    let mut senders = HashMap::new();
    for row in world.rows.iter().filter(|row| row.remaining == 0) {
        assert_eq!(senders.insert(row.sender.clone(), row.seq), None, "an id stands once: {:?}", row.sender);
    }
    let (mut ordinal, mut own) = (0, HashMap::<UserId, u64>::new());
    for row in &world.rows {
        let own = own.entry(row.sender.user).or_default();
        if row.event == EventTag::Message {
            ordinal += 1;
            *own += 1;
        }
        assert_eq!((row.ordinal, row.sender_ordinal), (ordinal, *own));
    }
    check_state(world);
}

fn check_state(world: &World) {
    let state = world.state();
    let mut refolded = None;
    for row in &world.rows {
        State::fold(&mut refolded, row).unwrap();
        let snapshot = refolded.as_ref().and_then(State::snapshot);
        if row.seq % 7 == 0 {
            let rows = world.rows[usize::try_from(row.seq).unwrap()..].to_vec();
            let mut fresh = Conversation::new(ROOM);
            fresh.load(world.now, Activation { snapshot, rows }, world.applied).unwrap();
            assert_eq!(fresh.state.as_ref(), Some(state), "snapshot and tail make the same");
        }
    }
    assert_eq!(refolded.as_ref(), Some(state), "rows make the same");
    assert_eq!(state.member_count, state.members(None).count() as u64);
    let has_owner = state.members(None).any(|(_, role, _)| role == Role::Owner);
    assert!(state.kind == ConversationKind::Direct || state.member_count == 0 || has_owner, "there is an owner");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_the_log_is_right(kind in 0..3_usize, ops in prop::collection::vec(any::<Op>(), 0..160)) {
        let mut world = World::with([ConversationKind::Direct, ConversationKind::Group, ConversationKind::Public][kind]);
        let mut asked = Vec::new();
        for op in ops {
            happen(&mut world, &mut asked, op);
        }
        check(&mut world, &asked);
    }
}
