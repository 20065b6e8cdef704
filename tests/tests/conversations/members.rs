//! Invite, remove, leave, and what each of them tells.

use rialto_tests::user::client_id;
use rialto_tests::{Pick as _, Rialto, json};

#[tokio::test]
async fn an_invited_person_sees_everything_from_the_start() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let room = alice.opens_group("tea", &[]).await;
    alice.says("before bob").await;
    alice.does("conversation.invite", json!({"users": [bob.id()]})).await;
    let joined = alice.sees("member_joined").await;
    assert_eq!(joined["data"]["user"], bob.id());
    assert_eq!(joined["data"]["by"], alice.id(), "{joined}");
    bob.enters(&room).await;
    assert_eq!(bob.messages(json!({})).await[0].text("text"), "before bob");
    bob.says("thanks").await;
    alice.hears("before bob").await;
    alice.hears("thanks").await;
}

#[tokio::test]
async fn inviting_a_member_again_changes_nothing() {
    let node = Rialto::start(&[]).await;
    let (mut alice, bob) = node.two_people("alice", "bob").await;
    let room = alice.opens_group("tea", &[&bob]).await;
    let data = json!({"conversation": room, "client_id": client_id(), "users": [bob.id()]});
    match alice.wire.rpc("conversation.invite", data).await {
        Ok(_nothing_to_do) => {}
        Err(refusal) => assert_eq!(refusal.code, 404, "conflict: {refusal:?}"),
    }
    let seen = alice.wire.ask("conversation.get", json!({"conversation": room})).await;
    assert_eq!(seen.number("member_count"), 2);
}

#[tokio::test]
async fn a_removed_person_is_out_at_once() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let room = alice.opens_group("tea", &[&bob]).await;
    bob.enters(&room).await;
    alice.does("conversation.remove", json!({"user": bob.id()})).await;
    let removed = alice.sees("member_removed").await;
    assert_eq!(removed["data"]["user"], bob.id());
    assert_eq!(removed["data"]["by"], alice.id());
    for method in ["send", "messages", "get", "typing"] {
        let code = bob.may_not(&format!("conversation.{method}"), json!({"text": "still here?"})).await;
        assert!([401, 402].contains(&code), "{method}: {code}");
    }
    assert!(bob.wire.ask("conversation.list", json!({})).await.list("items").is_empty());
}

#[tokio::test]
async fn who_leaves_may_be_invited_again() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let room = alice.opens_group("tea", &[&bob]).await;
    bob.enters(&room).await;
    bob.does("conversation.leave", json!({})).await;
    alice.sees("member_left").await;
    alice.does("conversation.invite", json!({"users": [bob.id()]})).await;
    let mut bob = bob.other_device().await;
    bob.enters(&room).await;
    bob.says("back").await;
    alice.hears("back").await;
}

#[tokio::test]
async fn members_come_in_pages_with_their_roles() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    let mut others = Vec::new();
    for number in 0..4 {
        others.push(node.user(&format!("member{number}")).await);
    }
    let ids: Vec<&str> = others.iter().map(|user| user.id.as_str()).collect();
    let body = json!({"kind": "group", "title": "tea", "members": ids, "client_id": client_id()});
    let room = alice.wire.ask("conversation.create", body).await.text("id");
    let (mut seen, mut cursor) = (Vec::new(), json!(null));
    loop {
        let body = json!({"conversation": room, "limit": 2, "cursor": cursor});
        let page = alice.wire.ask("conversation.members", body).await;
        let items = page.list("items");
        assert!(items.len() <= 2, "{page}");
        seen.extend(items.iter().map(|item| (item.text("user"), item.text("role"))));
        cursor = page["next"].clone();
        if cursor.is_null() {
            break;
        }
    }
    seen.sort();
    let mut expected: Vec<_> = others.iter().map(|user| (user.id.clone(), "member".to_owned())).collect();
    expected.push((alice.id().to_owned(), "owner".to_owned()));
    expected.sort();
    assert_eq!(seen, expected);
}
