//! Clients that are slow on purpose: never reading, never finishing their request.

use rialto_tests::raw::opcode;
use rialto_tests::{RawSocket, Rialto, eventually, json};

use super::Bystanders;

/// Connections that drip their request's head.
const DRIPPING: usize = 200;

/// What a node may grow by for a reader that does not read, in KiB: 1 MiB outbox and the kernel's own, which is not ours.
const GROWTH_KIB_MAX: u64 = 64 * 1024;

#[tokio::test]
async fn who_never_reads_is_closed_as_slow() {
    let node = Rialto::start(&[]).await;
    let mut bystanders = Bystanders::of(&node).await;
    let (mut talker, sleeper) = (node.person("talker").await, node.user("sleeper").await);
    let mut asleep = RawSocket::connect(node.url(), &sleeper.token).await;
    asleep.send_frame(opcode::TEXT, br#"{"id":2,"subscribe":{"channel":"firehose"}}"#).await;
    let before = node.resident_kib();
    let water = "x".repeat(60_000);
    // The sleeper leaves the presence when it is closed: until then the fire hose runs.
    eventually("the sleeper is closed", async || {
        for _ in 0..16 {
            let body = json!({"channel": "firehose", "data": water});
            talker.wire.call("publish", body).await.expect("the others do not notice");
        }
        let body = json!({"channel": "firehose"});
        let present = talker.wire.call("presence", body).await.expect("presence");
        let clients = present["presence"].as_object().map_or(0, serde_json::Map::len);
        (clients == 0).then_some(())
    })
    .await;
    bystanders.talk().await;
    let grown = node.resident_kib().saturating_sub(before);
    assert!(grown < GROWTH_KIB_MAX, "one sleeper cost {grown} KiB");
    if let Some(code) = asleep.close_code().await {
        assert_eq!(code, 3008, "slow");
    }
}

#[tokio::test]
async fn who_sleeps_can_come_back_and_miss_nothing() {
    let node = Rialto::start(&[]).await;
    let mut bystanders = Bystanders::of(&node).await;
    let room = bystanders.alice.room().to_owned();
    let mut asleep = RawSocket::connect(node.url(), &bystanders.bob.user.token).await;
    asleep.send_frame(opcode::TEXT, format!(r#"{{"id":2,"subscribe":{{"channel":"conversation:{room}"}}}}"#).as_bytes()).await;
    for _ in 0..50 {
        bystanders.talk().await;
    }
    drop(asleep);
    let mut awake = bystanders.bob.other_device().await;
    let reply = awake.wire.recover(&bystanders.bob.channel(), 1, "").await.expect("subscribed");
    assert_eq!(reply["publications"].as_array().map(Vec::len), Some(50), "{reply}");
}

#[tokio::test]
async fn heads_that_never_end_are_given_up() {
    let node = Rialto::start(&[]).await;
    let mut bystanders = Bystanders::of(&node).await;
    let mut dripping = Vec::new();
    for number in 0..DRIPPING {
        let mut raw = RawSocket::dial(node.url()).await;
        let head = if number % 2 == 0 { "GET /connection/websocket HT" } else { "POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nX-" };
        raw.send(head.as_bytes()).await;
        dripping.push(Some(raw));
    }
    bystanders.talk().await;
    // A byte now and then must not keep a connection alive.
    eventually("all of them are closed", async || {
        for slot in &mut dripping {
            if let Some(raw) = slot
                && !raw.try_send(b"a").await
            {
                *slot = None;
            }
        }
        dripping.iter().all(Option::is_none).then_some(())
    })
    .await;
    bystanders.talk().await;
}

#[tokio::test]
async fn a_body_that_never_comes_is_given_up() {
    let node = Rialto::start(&[]).await;
    let mut bystanders = Bystanders::of(&node).await;
    let mut raw = RawSocket::dial(node.url()).await;
    raw.send(b"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{").await;
    raw.ended().await;
    bystanders.talk().await;
}
