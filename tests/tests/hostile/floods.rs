//! Clients that send without pause: they are metered, everybody else goes on.

use rialto_tests::{Rialto, Wire, json};

use super::Bystanders;

/// More than the burst of 4,000 commands, sent faster than 2,000 a second.
const COMMANDS: u64 = 12_000;

/// Commands in one frame; it must stay below 64 KiB.
const COMMANDS_A_FRAME: u64 = 500;

/// What a node may grow by under such an attack, in KiB.
const GROWTH_KIB_MAX: u64 = 128 * 1024;

#[tokio::test]
async fn a_client_that_sends_without_pause_gets_111() {
    let node = Rialto::start(&[]).await;
    let mut bystanders = Bystanders::of(&node).await;
    let before = node.resident_kib();
    let mut flooder = node.person("flooder").await.wire;
    let mut ids = Vec::new();
    for _ in 0..COMMANDS / COMMANDS_A_FRAME {
        let frame = (0..COMMANDS_A_FRAME).map(|_| ("rpc", json!({"method": "user.me", "data": {}})));
        ids.extend(flooder.issue_batch(frame.collect()).await);
    }
    bystanders.talk().await;
    let (mut answered, mut refused) = (0, 0);
    for id in ids {
        match flooder.try_reply(id, "rpc").await {
            Ok(Ok(_me)) => answered += 1,
            Ok(Err(refusal)) => {
                assert_eq!(refusal.code, 111, "{refusal:?}");
                assert!(refusal.temporary, "{refusal:?}");
                refused += 1;
            }
            Err(closed) => {
                assert!([3008, 3013].contains(&closed.code), "{closed:?}");
                refused += 1;
                break;
            }
        }
    }
    assert!(refused > 0 && answered >= 4000, "{answered} answered, {refused} refused");
    bystanders.talk().await;
    assert!(node.resident_kib() < before + GROWTH_KIB_MAX, "{before} KiB before, {} after", node.resident_kib());
}

#[tokio::test]
async fn a_subscribe_flood_ends_at_the_limit() {
    let node = Rialto::start(&[]).await;
    let mut bystanders = Bystanders::of(&node).await;
    let before = node.resident_kib();
    let mut flooder = node.person("flooder").await.wire;
    let mut refused = 0;
    for round in 0..10 {
        let frame = (0..300).map(|number| ("subscribe", json!({"channel": format!("flood-{round}-{number}")})));
        for id in flooder.issue_batch(frame.collect()).await {
            match flooder.try_reply(id, "subscribe").await {
                Ok(Ok(_subscribed)) => {}
                Ok(Err(refusal)) => {
                    assert!([106, 111].contains(&refusal.code), "{refusal:?}");
                    refused += 1;
                }
                Err(closed) => panic!("{closed:?}"),
            }
        }
    }
    assert!(refused >= 10 * 300 - 128, "{refused}");
    bystanders.talk().await;
    assert!(node.resident_kib() < before + GROWTH_KIB_MAX, "{before} KiB before, {} after", node.resident_kib());
}

#[tokio::test]
async fn subscribing_and_leaving_without_end_leaves_nothing_behind() {
    let node = Rialto::start(&[]).await;
    let mut bystanders = Bystanders::of(&node).await;
    let mut flooder = node.person("flooder").await.wire;
    let before = node.resident_kib();
    for number in 0..2000 {
        let channel = format!("here-and-gone-{number}");
        flooder.subscribe(&channel).await.expect("within the rate, one at a time");
        flooder.call("unsubscribe", json!({"channel": channel})).await.expect("left");
    }
    bystanders.talk().await;
    assert!(node.resident_kib() < before + GROWTH_KIB_MAX / 4, "{before} KiB before, {} after", node.resident_kib());
}

#[tokio::test]
async fn a_user_has_at_most_128_connections() {
    let node = Rialto::start(&[]).await;
    let mut bystanders = Bystanders::of(&node).await;
    let mallory = node.user("mallory").await;
    let mut wires = Vec::new();
    for _ in 0..128 {
        wires.push(Wire::connect(node.url(), &mallory.token).await);
    }
    let mut one_more = Wire::open(node.url()).await;
    one_more.issue("connect", json!({"token": mallory.token})).await;
    assert_eq!(one_more.closed().await.code, 3504);
    bystanders.talk().await;
    wires.pop().expect("there are many").close().await;
    rialto_tests::eventually("there is room again", async || {
        let mut wire = Wire::open(node.url()).await;
        wire.try_call("connect", json!({"token": mallory.token})).await.ok()?.ok()
    })
    .await;
}

#[tokio::test]
async fn registrations_are_metered_by_address() {
    let node = Rialto::start(&[]).await;
    let mut bystanders = Bystanders::of(&node).await;
    // Refused for their passwords, so that no hash is spent; metered all the same.
    let mut statuses = Vec::new();
    for number in 0..700 {
        let body = json!({"username": format!("mass-{number}"), "password": "short"});
        statuses.push(node.http().post("/v1/auth/register").json(&body).send().await.status);
    }
    assert!(statuses.contains(&429), "600 a minute are the most");
    bystanders.talk().await;
}
