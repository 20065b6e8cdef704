//! subscribe and unsubscribe: entity channels, topics, and what is refused.

use rialto_tests::{Pick as _, Rialto, json};

#[tokio::test]
async fn an_entity_channel_is_recoverable_and_positioned_unasked() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    let room = alice.opens_group("tea", &[]).await;
    let mut other = alice.other_device().await;
    let reply = other.enters(&room).await;
    assert!(reply.flag("recoverable") && reply.flag("positioned"), "{reply}");
    assert!(!reply.text("epoch").is_empty(), "{reply}");
    assert_eq!(reply.number("offset"), 1, "conversation_created is row 1: {reply}");
}

#[tokio::test]
async fn a_second_subscription_to_a_channel_is_105() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    alice.wire.subscribe("news").await.expect("the first");
    assert_eq!(alice.wire.subscribe("news").await.expect_err("the second").code, 105);
}

#[tokio::test]
async fn after_unsubscribe_nothing_more_arrives() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    bob.wire.subscribe("news").await.expect("news");
    bob.wire.subscribe("fence").await.expect("fence");
    assert_eq!(bob.wire.call("unsubscribe", json!({"channel": "news"})).await.expect("unsubscribe"), json!({}));
    for channel in ["news", "fence"] {
        alice.wire.call("publish", json!({"channel": channel, "data": {}})).await.expect("published");
    }
    bob.wire.publication("fence").await;
    assert!(bob.wire.unread().iter().all(|push| push["channel"] != "news"), "{:?}", bob.wire.unread());
    bob.wire.subscribe("news").await.expect("one may come back");
}

#[tokio::test]
async fn a_channel_is_required() {
    let node = Rialto::start(&[]).await;
    for kind in ["subscribe", "unsubscribe", "publish", "presence", "presence_stats", "history"] {
        let mut alice = node.person("alice").await;
        alice.wire.issue(kind, json!({"data": {}})).await;
        assert_eq!(alice.wire.closed().await.code, 3501, "{kind}");
    }
}

#[tokio::test]
async fn what_one_may_not_see_does_not_exist() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut mallory) = node.two_people("alice", "mallory").await;
    let room = alice.opens_group("tea", &[]).await;
    let nobody = "01920000-0000-7000-8000-000000000000";
    for channel in [
        format!("conversation:{room}"),
        format!("conversation:{nobody}"),
        "conversation:not-a-uuid".to_owned(),
        format!("user:{}", alice.id()),
        "document:x".to_owned(),
        "listing:x".to_owned(),
        "order:x".to_owned(),
    ] {
        let refusal = mallory.wire.subscribe(&channel).await.expect_err(&channel);
        assert!([102, 103, 400, 401].contains(&refusal.code), "{channel}: {refusal:?}");
        assert!(!refusal.temporary, "{channel}: {refusal:?}");
    }
    let foreign = mallory.wire.subscribe(&format!("conversation:{room}")).await.expect_err("foreign").code;
    let absent = mallory.wire.subscribe(&format!("conversation:{nobody}")).await.expect_err("absent").code;
    assert_eq!(foreign, absent, "one must not learn which conversations exist");
}

#[tokio::test]
async fn the_hundred_and_twenty_ninth_subscription_is_106() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    let mut accepted = 0;
    let refusal = loop {
        match alice.wire.subscribe(&format!("topic-{accepted}")).await {
            Ok(_) => accepted += 1,
            Err(refusal) => break refusal,
        }
        assert!(accepted <= 128, "there is a limit");
    };
    assert_eq!(refusal.code, 106);
    assert!(accepted >= 127, "the inbox may count, nothing else: {accepted}");
    alice.wire.call("unsubscribe", json!({"channel": "topic-0"})).await.expect("unsubscribe");
    alice.wire.subscribe("another").await.expect("room again");
}

#[tokio::test]
async fn a_channel_name_above_255_bytes_is_refused() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    alice.wire.subscribe(&"x".repeat(255)).await.expect("255 bytes are allowed");
    let refusal = alice.wire.subscribe(&"x".repeat(256)).await.expect_err("256 bytes are not");
    assert_eq!(refusal.code, 107, "{refusal:?}");
}

#[tokio::test]
async fn a_removed_member_is_unsubscribed_by_the_server() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let room = alice.opens_group("tea", &[&bob]).await;
    bob.enters(&room).await;
    alice.does("conversation.remove", json!({"user": bob.id()})).await;
    let channel = bob.channel();
    let push = bob.wire.push("an unsubscribe push", |push| push["channel"] == channel && push["unsubscribe"].is_object()).await;
    assert!(push["unsubscribe"].number("code") < 2500, "final, the SDK must not come back: {push}");
    let refusal = bob.wire.subscribe(&channel).await.expect_err("no longer a member");
    assert!([102, 103, 401].contains(&refusal.code), "{refusal:?}");
}
