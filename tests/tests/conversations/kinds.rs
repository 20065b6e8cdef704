//! The three kinds: direct, group, public; what each shows and to whom.

use rialto_tests::user::client_id;
use rialto_tests::{Pick as _, Rialto, json};

#[tokio::test]
async fn a_group_begins_with_its_creator_and_those_named() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let body = json!({"kind": "group", "title": "tea", "members": [bob.id()], "client_id": client_id()});
    let made = alice.wire.ask("conversation.create", body).await;
    assert_eq!(made.text("kind"), "group");
    assert_eq!(made.text("title"), "tea");
    assert_eq!(made.text("role"), "owner");
    assert_eq!(made.number("offset"), 1);
    assert_eq!(made.number("unread"), 0);
    assert_eq!(made.number("member_count"), 2);
    let mut members = made.texts("members");
    members.sort();
    let mut expected = vec![alice.id().to_owned(), bob.id().to_owned()];
    expected.sort();
    assert_eq!(members, expected);
    let seen = bob.wire.ask("conversation.get", json!({"conversation": made.text("id")})).await;
    assert_eq!(seen.text("role"), "member");
    assert_eq!(seen.text("epoch"), made.text("epoch"));
}

#[tokio::test]
async fn a_group_may_begin_with_its_creator_alone() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    let room = alice.opens_group("notes", &[]).await;
    assert_eq!(alice.says("to myself").await, 2);
    let seen = alice.wire.ask("conversation.get", json!({"conversation": room})).await;
    assert_eq!(seen.number("member_count"), 1);
}

#[tokio::test]
async fn the_first_row_tells_how_it_began() {
    let node = Rialto::start(&[]).await;
    let (mut alice, bob) = node.two_people("alice", "bob").await;
    alice.opens_group("tea", &[&bob]).await;
    let body = json!({"channel": alice.channel(), "limit": 1});
    let first = alice.wire.call("history", body).await.expect("history")["publications"][0].clone();
    assert_eq!(first.number("offset"), 1);
    let event = &first["data"];
    assert_eq!(event.text("type"), "conversation_created");
    assert_eq!(event.text("kind"), "group");
    assert_eq!(event.text("title"), "tea");
    assert_eq!(event.text("by"), alice.id());
    assert!(event.texts("members").contains(&bob.id().to_owned()), "{event}");
}

#[tokio::test]
async fn a_pair_has_one_direct_conversation_whoever_opens_it() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let room = alice.opens("direct", "", &[&bob]).await;
    assert_eq!(bob.opens("direct", "", &[&alice]).await, room);
    assert_eq!(alice.opens_again_with(bob.id()).await, room);
    alice.says("hi").await;
    bob.hears("hi").await;
    let body = json!({"kind": "direct", "members": [alice.id()], "client_id": client_id()});
    let again = bob.user.post("/v1/conversations", &body).await;
    assert_eq!(again.expect(200).text("id"), room, "creating it again answers 200 with it");
}

#[tokio::test]
async fn two_people_opening_it_at_once_get_the_same() {
    let node = Rialto::start(&[]).await;
    let (alice, bob) = (node.user("alice").await, node.user("bob").await);
    let open = async |who: &rialto_tests::User, other: &rialto_tests::User| {
        let body = json!({"kind": "direct", "members": [other.id], "client_id": client_id()});
        let answer = who.post("/v1/conversations", &body).await;
        assert!([200, 201].contains(&answer.status), "{}", answer.text());
        answer.expect(answer.status).text("id")
    };
    let (one, other) = futures_util::future::join(open(&alice, &bob), open(&bob, &alice)).await;
    assert_eq!(one, other);
}

#[tokio::test]
async fn a_direct_conversation_is_for_two_for_ever() {
    let node = Rialto::start(&[]).await;
    let (mut alice, bob) = node.two_people("alice", "bob").await;
    let carol = node.person("carol").await;
    alice.opens("direct", "", &[&bob]).await;
    let code = alice.may_not("conversation.invite", json!({"users": [carol.id()]})).await;
    assert!([400, 403, 404].contains(&code), "{code}");
    for members in [json!([]), json!([bob.id(), carol.id()]), json!(["01920000-0000-7000-8000-000000000000"])] {
        let body = json!({"kind": "direct", "members": members, "client_id": client_id()});
        let code = alice.wire.refused("conversation.create", body).await;
        assert!([400, 401].contains(&code), "{members}: {code}");
    }
}

#[tokio::test]
async fn anybody_may_join_and_leave_a_public_conversation() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let room = alice.opens("public", "square", &[]).await;
    let send = json!({"conversation": room, "client_id": client_id(), "text": "not yet"});
    assert_eq!(bob.wire.refused("conversation.send", send).await, 402, "not_a_member");
    bob.wire.ask("conversation.join", json!({"conversation": room, "client_id": client_id()})).await;
    assert_eq!(alice.sees("member_joined").await["data"]["user"], bob.id());
    bob.enters(&room).await;
    bob.says("hello").await;
    alice.hears("hello").await;
    bob.does("conversation.leave", json!({})).await;
    assert_eq!(alice.sees("member_left").await["data"]["user"], bob.id());
    assert_eq!(bob.may_not("conversation.send", json!({"text": "gone"})).await, 402);
}

#[tokio::test]
async fn nobody_joins_a_group_uninvited() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut mallory) = node.two_people("alice", "mallory").await;
    let room = alice.opens_group("tea", &[]).await;
    for method in ["join", "leave", "send", "messages", "get", "members", "mark_read", "typing"] {
        let body = json!({"conversation": room, "client_id": client_id(), "text": "x", "offset": 1});
        let code = mallory.wire.refused(&format!("conversation.{method}"), body).await;
        assert_eq!(code, 401, "{method}: what one may not see does not exist");
    }
}

#[tokio::test]
async fn an_unknown_kind_or_member_is_refused() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    for body in [
        json!({"kind": "secret", "title": "x", "client_id": "a"}),
        json!({"title": "no kind", "client_id": "b"}),
        json!({"kind": "group", "title": "x", "members": ["not-a-uuid"], "client_id": "c"}),
        json!({"kind": "group", "title": 7, "client_id": "d"}),
    ] {
        assert_eq!(alice.wire.refused("conversation.create", body.clone()).await, 400, "{body}");
    }
    let body = json!({"kind": "group", "title": "x", "members": ["01920000-0000-7000-8000-000000000000"], "client_id": "e"});
    let code = alice.wire.refused("conversation.create", body).await;
    assert!([400, 401].contains(&code), "{code}");
}
