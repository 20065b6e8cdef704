//! presence, presence_stats, join and leave.

use rialto_tests::{Person, Pick as _, Rialto, eventually, json};

async fn stats(person: &mut Person, channel: &str) -> (u64, u64) {
    let stats = person.wire.call("presence_stats", json!({"channel": channel})).await.expect("presence_stats");
    (stats.number("num_clients"), stats.number("num_users"))
}

#[tokio::test]
async fn presence_lists_every_device_and_counts_people_once() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let mut alice_phone = alice.other_device().await;
    for person in [&mut alice, &mut bob, &mut alice_phone] {
        person.wire.subscribe("lobby").await.expect("subscribed");
    }
    assert_eq!(stats(&mut bob, "lobby").await, (3, 2));
    let reply = bob.wire.call("presence", json!({"channel": "lobby"})).await.expect("presence");
    let present = reply["presence"].as_object().expect("a map").clone();
    assert_eq!(present.len(), 3);
    for person in [&alice, &bob, &alice_phone] {
        let client = person.wire.hello.text("client");
        assert_eq!(present[&client]["user"], person.id());
        assert_eq!(present[&client]["client"], client);
    }
}

#[tokio::test]
async fn a_cut_connection_leaves_the_presence() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    alice.wire.subscribe("lobby").await.expect("subscribed");
    bob.wire.subscribe("lobby").await.expect("subscribed");
    assert_eq!(stats(&mut bob, "lobby").await, (2, 2));
    alice.wire.cut();
    eventually("alice is gone", async || (stats(&mut bob, "lobby").await == (1, 1)).then_some(())).await;
}

#[tokio::test]
async fn joins_and_leaves_are_told_to_who_asked_for_them() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    alice.wire.call("subscribe", json!({"channel": "lobby", "join_leave": true})).await.expect("subscribed");
    bob.wire.subscribe("lobby").await.expect("subscribed");
    let bobs_client = bob.wire.hello.text("client");
    let join = alice.wire.push("bob's join", |push| push["join"]["info"]["client"] == bobs_client).await;
    assert_eq!(join["channel"], "lobby");
    assert_eq!(join["join"]["info"]["user"], bob.id());
    bob.wire.call("unsubscribe", json!({"channel": "lobby"})).await.expect("unsubscribed");
    let leave = alice.wire.push("bob's leave", |push| push["leave"]["info"]["client"] == bobs_client).await;
    assert_eq!(leave["leave"]["info"]["user"], bob.id());
    assert!(bob.wire.unread().iter().all(|push| push["join"].is_null() && push["leave"].is_null()), "bob did not ask");
}

#[tokio::test]
async fn a_cut_connection_leaves_audibly() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    alice.wire.call("subscribe", json!({"channel": "lobby", "join_leave": true})).await.expect("subscribed");
    bob.wire.subscribe("lobby").await.expect("subscribed");
    let bobs_client = bob.wire.hello.text("client");
    bob.wire.cut();
    alice.wire.push("bob's leave", |push| push["leave"]["info"]["client"] == bobs_client).await;
}

#[tokio::test]
async fn presence_of_a_foreign_conversation_is_not_told() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut mallory) = node.two_people("alice", "mallory").await;
    alice.opens_group("tea", &[]).await;
    for kind in ["presence", "presence_stats", "history"] {
        let refusal = mallory.wire.call(kind, json!({"channel": alice.channel(), "limit": 1})).await.expect_err(kind);
        assert!([102, 103, 401].contains(&refusal.code), "{kind}: {refusal:?}");
    }
}
