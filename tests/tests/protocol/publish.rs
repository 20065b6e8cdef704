//! publish and send, on topics and on conversations.

use rialto_tests::user::client_id;
use rialto_tests::{Pick as _, Rialto, json};

#[tokio::test]
async fn a_topic_publication_reaches_everybody_with_an_offset_and_the_publisher() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    bob.wire.subscribe("news").await.expect("subscribed");
    alice.wire.subscribe("news").await.expect("subscribed");
    let reply = alice.wire.call("publish", json!({"channel": "news", "data": {"headline": "rain"}})).await;
    assert_eq!(reply.expect("published"), json!({}));
    for person in [&mut alice, &mut bob] {
        let heard = person.wire.publication("news").await;
        assert_eq!(heard["data"], json!({"headline": "rain"}));
        assert_eq!(heard.number("offset"), 1);
    }
    alice.wire.call("publish", json!({"channel": "news", "data": [1, "two", null]})).await.expect("any JSON");
    let heard = bob.wire.publication("news").await;
    assert_eq!(heard["data"], json!([1, "two", null]));
    assert_eq!(heard["info"]["user"], alice.id(), "{heard}");
    assert_eq!(heard["info"]["client"], alice.wire.hello["client"], "{heard}");
}

#[tokio::test]
async fn publish_on_a_conversation_is_conversation_send() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let room = alice.opens_group("tea", &[&bob]).await;
    bob.enters(&room).await;
    let client_id = client_id();
    let body = json!({"channel": alice.channel(), "data": {"client_id": client_id, "text": "by publish"}});
    assert_eq!(alice.wire.call("publish", body.clone()).await.expect("published"), json!({}));
    assert_eq!(bob.hears("by publish").await["data"]["client_id"], client_id);
    alice.wire.call("publish", body).await.expect("a retry is answered like the first");
    alice.says("next").await;
    bob.hears("next").await;
}

#[tokio::test]
async fn nonsense_on_a_conversation_is_refused() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    alice.opens_group("tea", &[]).await;
    let channel = alice.channel();
    for data in [json!({}), json!("text"), json!({"text": "no id"}), json!({"client_id": "x"}), json!({"client_id": "x", "text": 7})] {
        let refusal = alice.wire.call("publish", json!({"channel": channel, "data": data})).await.expect_err("nonsense");
        assert_eq!(refusal.code, 400, "{data}: {refusal:?}");
    }
}

#[tokio::test]
async fn nobody_publishes_into_an_inbox() {
    let node = Rialto::start(&[]).await;
    let (mut alice, bob) = node.two_people("alice", "bob").await;
    for inbox in [format!("user:{}", alice.id()), format!("user:{}", bob.id())] {
        let refusal = alice.wire.call("publish", json!({"channel": inbox, "data": {"type": "read"}})).await.expect_err(&inbox);
        assert!([102, 103, 108, 401, 403].contains(&refusal.code), "{refusal:?}");
    }
}

#[tokio::test]
async fn send_has_no_answer_and_does_no_harm() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    alice.wire.send_text(r#"{"send":{"data":{"anything":true}}}"#).await;
    assert_eq!(alice.wire.ask("user.me", json!({})).await.text("id"), alice.id());
}
