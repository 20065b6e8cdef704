//! Typing and presence over several devices: soft state, never in the history.

use rialto_tests::{Person, Pick as _, Rialto, eventually, json, now_ms};

async fn present_users(person: &mut Person) -> Vec<String> {
    let body = json!({"channel": person.channel()});
    let reply = person.wire.call("presence", body).await.expect("presence");
    let clients = reply["presence"].as_object().cloned().unwrap_or_default();
    let mut users: Vec<String> = clients.values().map(|info| info.text("user")).collect();
    users.sort();
    users
}

#[tokio::test]
async fn typing_is_seen_at_once_and_leaves_no_trace() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let room = alice.opens_group("tea", &[&bob]).await;
    bob.enters(&room).await;
    assert_eq!(alice.wire.ask("conversation.typing", json!({"conversation": room})).await, json!({}));
    let typing = bob.sees("typing").await;
    assert_eq!(typing["data"]["user"], alice.id());
    assert!(typing["data"].number("until") > now_ms() - 60_000, "{typing}");
    assert!(typing["offset"].is_null(), "ephemeral events have no offset: {typing}");
    let body = json!({"channel": bob.channel(), "limit": -1});
    let history = bob.wire.call("history", body).await.expect("history");
    assert_eq!(history.number("offset"), 1, "{history}");
}

#[tokio::test]
async fn a_person_is_present_until_the_last_device_is_gone() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let room = alice.opens_group("tea", &[&bob]).await;
    bob.enters(&room).await;
    let mut bob_phone = bob.other_device().await;
    bob_phone.enters(&room).await;
    let (alice_id, bob_id) = (alice.id().to_owned(), bob.id().to_owned());
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    let both_devices = sorted(vec![alice_id.clone(), bob_id.clone(), bob_id.clone()]);
    assert_eq!(present_users(&mut alice).await, both_devices);
    bob.wire.cut();
    let one_device = sorted(vec![alice_id.clone(), bob_id]);
    eventually("one device is left", async || (present_users(&mut alice).await == one_device).then_some(())).await;
    bob_phone.wire.close().await;
    eventually("bob is gone", async || (present_users(&mut alice).await == [alice_id.clone()]).then_some(())).await;
}
