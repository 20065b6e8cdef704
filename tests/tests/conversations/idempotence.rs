//! The same client id is the same message: in sequence, at once on two connections, after a crash.

use futures_util::future::join;
use rialto_tests::user::client_id;
use rialto_tests::{Pick as _, Rialto, Value, json, now_ms};

fn send(room: &str, client_id: &str, text: &str) -> Value {
    json!({"conversation": room, "client_id": client_id, "text": text})
}

#[tokio::test]
async fn a_retry_gets_the_first_answer() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    let room = alice.opens_group("tea", &[]).await;
    let data = send(&room, &client_id(), "once");
    let first = alice.wire.ask("conversation.send", data.clone()).await;
    assert!(!first.flag("duplicate"));
    let retry = alice.wire.ask("conversation.send", data).await;
    assert!(retry.flag("duplicate"));
    for field in ["offset", "epoch", "time"] {
        assert_eq!(retry[field], first[field], "{field}");
    }
    assert_eq!(alice.messages(json!({})).await.len(), 1);
}

#[tokio::test]
async fn http_and_rpc_share_the_ids() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    let room = alice.opens_group("tea", &[]).await;
    let id = client_id();
    let first = alice.wire.ask("conversation.send", send(&room, &id, "once")).await;
    let path = format!("/v1/conversations/{room}/messages");
    let retry = alice.user.post(&path, &json!({"client_id": id, "text": "once"})).await;
    assert_eq!(retry.expect(200)["offset"], first["offset"], "200 when it stood already");
}

#[tokio::test]
async fn two_people_may_use_the_same_id() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let room = alice.opens_group("tea", &[&bob]).await;
    let data = send(&room, "the-same-id", "mine");
    assert!(!alice.wire.ask("conversation.send", data.clone()).await.flag("duplicate"));
    assert!(!bob.wire.ask("conversation.send", data).await.flag("duplicate"));
}

#[tokio::test]
async fn retries_at_once_on_two_connections_make_one_message() {
    const ROUNDS: usize = 50;
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    let room = alice.opens_group("tea", &[]).await;
    let mut phone = alice.other_device().await;
    for round in 0..ROUNDS {
        let data = send(&room, &client_id(), &format!("round {round}"));
        let tries = join(alice.wire.ask("conversation.send", data.clone()), phone.wire.ask("conversation.send", data));
        let (one, other) = tries.await;
        assert_eq!(one["offset"], other["offset"]);
        assert_ne!(one.flag("duplicate"), other.flag("duplicate"), "exactly one of them was first");
    }
    let body = json!({"channel": alice.channel(), "limit": 0});
    let top = alice.wire.call("history", body).await.expect("history").number("offset");
    assert_eq!(top, ROUNDS as u64 + 1);
}

#[tokio::test]
async fn a_retry_after_a_crash_gets_the_first_answer() {
    let mut node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    let room = alice.opens_group("tea", &[]).await;
    let data = send(&room, &client_id(), "once");
    let first = alice.wire.ask("conversation.send", data.clone()).await;
    node.kill9().await;
    node.restart().await;
    let mut alice = rialto_tests::Person::connect(alice.user.at(node.url())).await;
    let retry = alice.wire.ask("conversation.send", data).await;
    assert!(retry.flag("duplicate"));
    assert_eq!((&retry["offset"], &retry["epoch"]), (&first["offset"], &first["epoch"]));
}

#[tokio::test]
async fn every_appending_method_is_idempotent() {
    let node = Rialto::start(&[]).await;
    let (mut alice, bob) = node.two_people("alice", "bob").await;
    let room = alice.opens_group("tea", &[]).await;
    let target = alice.says("hi").await;
    for (method, details) in [
        ("edit", json!({"target": target, "text": "hey"})),
        ("react", json!({"target": target, "emoji": "👍"})),
        ("unreact", json!({"target": target, "emoji": "👍"})),
        ("invite", json!({"users": [bob.id()]})),
        ("set_role", json!({"user": bob.id(), "role": "admin"})),
        ("set", json!({"title": "coffee"})),
        ("remove", json!({"user": bob.id()})),
        ("delete", json!({"target": target})),
    ] {
        let mut data = details;
        data["conversation"] = room.clone().into();
        data["client_id"] = client_id().into();
        let method = format!("conversation.{method}");
        let first = alice.wire.ask(&method, data.clone()).await;
        let retry = alice.wire.ask(&method, data).await;
        assert_eq!(first["offset"], retry["offset"], "{method}");
        assert!(retry.flag("duplicate"), "{method}: {retry}");
    }
}

#[tokio::test]
async fn creating_twice_under_one_id_is_one_conversation() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    let body = json!({"kind": "group", "title": "tea", "client_id": client_id()});
    let first = alice.wire.ask("conversation.create", body.clone()).await;
    let again = alice.wire.ask("conversation.create", body).await;
    assert_eq!(first["id"], again["id"]);
}

#[tokio::test]
async fn an_id_dated_too_far_away_is_refused() {
    const MINUTE_MS: u64 = 60_000;
    const DAY_MS: u64 = 24 * 60 * MINUTE_MS;
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    let room = alice.opens_group("tea", &[]).await;
    for (date, code) in [(now_ms() - 8 * DAY_MS, Some(406)), (now_ms() - 6 * DAY_MS, None), (now_ms() + 9 * MINUTE_MS, None)] {
        match (alice.wire.rpc("conversation.send", send(&room, &dated(date), "x")).await, code) {
            (Ok(_), None) => {}
            (Err(refusal), Some(code)) => assert_eq!(refusal.code, code),
            (other, wanted) => panic!("{date}: {other:?} instead of {wanted:?}"),
        }
    }
    let ahead = alice.wire.refused("conversation.send", send(&room, &dated(now_ms() + 15 * MINUTE_MS), "x")).await;
    assert!([400, 406].contains(&ahead), "more than 10 minutes ahead: {ahead}");
}

/// A UUIDv7 of that time.
fn dated(time_ms: u64) -> String {
    format!("{:08x}-{:04x}-7abc-8def-{:012x}", time_ms >> 16, time_ms & 0xffff, time_ms)
}
