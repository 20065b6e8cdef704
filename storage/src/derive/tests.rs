use bytes::Bytes;
use rialto_protocol::ClientId;
use uuid::Uuid;

use super::*;

fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

fn row(event: EventTag, seq: u64, target: u64, body: &str) -> Row {
    Row {
        entity: EntityKey { kind: EntityKind::Conversation, id: Uuid::from_u128(9) },
        seq,
        time_ms: 1000 + seq,
        sender: RowSender { user: user(1), client_id: ClientId::new("c").unwrap() },
        remaining: 1,
        event,
        target,
        ordinal: 3,
        sender_ordinal: 2,
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

const CONVERSATION: ConversationId = ConversationId(Uuid::from_u128(9));

/// Everything but the head, which every row has.
fn writes(row: &Row) -> Vec<Derived> {
    derive(row, 4).unwrap().into_iter().filter(|write| !matches!(write, Derived::Head { .. })).collect()
}

#[test]
fn only_the_last_row_of_a_request_is_indexed() {
    let first = row(EventTag::Message, 5, 0, "{}");
    let last = Row { remaining: 0, ..first.clone() };
    assert!(!writes(&first).iter().any(|write| matches!(write, Derived::Dedupe { .. })));
    let position = Position { seq: 5, time_ms: 1005 };
    let indexed = Derived::Dedupe { entity: last.entity, part: 1, sender: last.sender.clone(), position };
    assert!(writes(&last).contains(&indexed));
    assert_eq!((part(1, 4), part(4, 4), part(5, 4)), (0, 0, 1), "partitions count from the first row");
}

#[test]
fn a_message_is_the_head_and_counts_for_its_sender() {
    let row = row(EventTag::Message, 5, 0, "never parsed");
    let derived = derive(&row, 4).unwrap();
    let head = Derived::Head { conversation: CONVERSATION, seq: 5, ordinal: 3, active_ms: Some(1005), message: true };
    let own = Derived::Own { conversation: CONVERSATION, user: user(1), seq: 5, own: 2 };
    assert_eq!(derived, vec![head, own]);
}

#[test]
fn the_creator_owns_all_but_a_direct_conversation() {
    for (kind, owner) in [("group", Role::Owner), ("public", Role::Owner), ("direct", Role::Member)] {
        let (one, two) = (user(1), user(2));
        let body = format!(r#"{{"type":"conversation_created","kind":"{kind}","title":"t","members":["{one}","{two}"],"by":"{one}"}}"#);
        let roles: Vec<_> = writes(&row(EventTag::ConversationCreated, 1, 0, &body))
            .into_iter()
            .filter_map(|write| if let Derived::Member { user, role, .. } = write { Some((user, role)) } else { None })
            .collect();
        assert_eq!(roles, vec![(one, Some(owner)), (two, Some(Role::Member))], "{kind}");
    }
}

#[test]
fn members_come_change_and_go() {
    let body = |name: &str, role: &str| format!(r#"{{"type":"{name}","user":"{0}"{role},"by":"{0}"}}"#, user(2));
    let cases = [
        (EventTag::MemberJoined, body("member_joined", ""), Some(Role::Member)),
        (EventTag::MemberJoined, body("member_joined", r#","role":"admin""#), Some(Role::Admin)),
        (EventTag::RoleChanged, body("role_changed", r#","role":"owner""#), Some(Role::Owner)),
        (EventTag::MemberLeft, body("member_left", ""), None),
        (EventTag::MemberRemoved, body("member_removed", ""), None),
    ];
    for (event, body, role) in cases {
        let expected = Derived::Member { conversation: CONVERSATION, user: user(2), seq: 7, role };
        assert_eq!(writes(&row(event, 7, 0, &body)), vec![expected], "{event:?}");
    }
}

#[test]
fn changes_of_a_message_have_a_cell_each() {
    let reaction = |name: &str| format!(r#"{{"type":"{name}","target":2,"emoji":"x","user":"{}"}}"#, user(2));
    let cell = || OverlayCell::Reaction { user: user(2), emoji: "x".to_owned() };
    let cases = [
        (EventTag::MessageEdited, String::new(), OverlayCell::Edit, false),
        (EventTag::MessageDeleted, String::new(), OverlayCell::Deletion, false),
        (EventTag::ReactionAdded, reaction("reaction_added"), cell(), false),
        (EventTag::ReactionRemoved, reaction("reaction_removed"), cell(), true),
    ];
    for (event, body, cell, gone) in cases {
        let expected = Derived::Overlay { conversation: CONVERSATION, target: 2, cell, seq: 7, gone };
        assert_eq!(writes(&row(event, 7, 2, &body)), vec![expected], "{event:?}");
    }
}

#[test]
fn a_body_that_is_not_its_tag_is_refused() {
    let left = format!(r#"{{"type":"member_left","user":"{0}","by":"{0}"}}"#, user(2));
    for body in ["", "{}", "[]", "null", r#"{"type":"typing","user":"x","until":1}"#, left.as_str()] {
        assert!(derive(&row(EventTag::MemberJoined, 7, 0, body), 4).is_err(), "{body}");
    }
}

#[test]
fn settings_without_a_title_change_none() {
    let body = format!(r#"{{"type":"settings_changed","by":"{}"}}"#, user(1));
    assert!(writes(&row(EventTag::SettingsChanged, 7, 0, &body)).is_empty());
}
