//! rpc: unknown methods, bad bodies, ids of replies.

use rialto_tests::{Pick as _, Rialto, json};

#[tokio::test]
async fn an_unknown_method_is_104() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    for method in ["conversation.explode", "nothing", "", "conversation.", "Conversation.Send"] {
        assert_eq!(alice.wire.refused(method, json!({})).await, 104, "{method:?}");
    }
}

#[tokio::test]
async fn a_body_of_the_wrong_shape_is_400() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    let room = alice.opens_group("tea", &[]).await;
    for data in [
        json!(null),
        json!([]),
        json!("text"),
        json!({"conversation": room}),
        json!({"conversation": 7, "client_id": "a", "text": "x"}),
        json!({"conversation": room, "client_id": "", "text": "x"}),
        json!({"conversation": room, "client_id": "y".repeat(65), "text": "x"}),
        json!({"conversation": room, "client_id": "with space", "text": "x"}),
        json!({"conversation": room, "client_id": "ümlaut", "text": "x"}),
        json!({"conversation": room, "client_id": "a", "text": ["x"]}),
        json!({"conversation": room, "client_id": "a", "text": "x", "reply_to": "first"}),
    ] {
        assert_eq!(alice.wire.refused("conversation.send", data.clone()).await, 400, "{data}");
    }
}

#[tokio::test]
async fn ids_are_echoed_whatever_their_order() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    let frame = [900, 7, 4_294_967_295_u64].map(|id| json!({"id": id, "rpc": {"method": "user.me", "data": {}}}).to_string());
    alice.wire.send_text(frame.join("\n")).await;
    for id in [900, 7, 4_294_967_295] {
        assert_eq!(alice.wire.reply(id, "rpc").await.expect("answered")["data"].text("id"), alice.id());
    }
}

#[tokio::test]
async fn profiles_are_found_by_id_and_by_name() {
    let node = Rialto::start(&[]).await;
    let (mut alice, bob) = node.two_people("alice", "bob").await;
    let profile = alice.wire.ask("user.find", json!({"username": bob.user.username})).await;
    assert_eq!(profile.text("id"), bob.id());
    assert_eq!(profile.text("display_name"), "bob");
    assert_eq!(alice.wire.ask("user.get", json!({"user": bob.id()})).await, profile);
    assert_eq!(alice.wire.refused("user.find", json!({"username": "nobody-at-all"})).await, 401);
    assert_eq!(alice.wire.refused("user.get", json!({"user": "01920000-0000-7000-8000-000000000000"})).await, 401);
}
