//! connect: the reply, and what may not be done before it or twice.

use rialto_tests::{Pick as _, Rialto, Wire, eventually, json};

#[tokio::test]
async fn the_reply_says_who_you_are_and_how_to_stay() {
    let node = Rialto::start(&[]).await;
    let user = node.user("alice").await;
    let wire = Wire::connect(node.url(), &user.token).await;
    let hello = &wire.hello;
    assert!(!hello.text("client").is_empty());
    assert_eq!(hello.number("ping"), 25, "{hello}");
    assert!(hello.flag("pong"), "{hello}");
    assert!(hello.flag("expires"), "{hello}");
    let seconds_left = hello.number("ttl");
    assert!((3500..=3600).contains(&seconds_left), "a fresh token lives an hour: {hello}");
    let server_time = hello.number("time");
    assert!(server_time.abs_diff(rialto_tests::now_ms()) < 60_000, "SDKs date ids by it: {hello}");
}

#[tokio::test]
async fn the_own_inbox_is_subscribed_by_the_server() {
    let node = Rialto::start(&[]).await;
    let user = node.user("alice").await;
    let wire = Wire::connect(node.url(), &user.token).await;
    let inbox = &wire.hello["subs"][format!("user:{}", user.id)];
    assert!(inbox.is_object(), "{}", wire.hello);
    assert!(inbox.flag("recoverable"), "{inbox}");
    assert!(!inbox.text("epoch").is_empty(), "{inbox}");
}

#[tokio::test]
async fn two_connections_of_one_user_are_two_clients() {
    let node = Rialto::start(&[]).await;
    let user = node.user("alice").await;
    let (one, other) = (Wire::connect(node.url(), &user.token).await, Wire::connect(node.url(), &user.token).await);
    assert_ne!(one.hello["client"], other.hello["client"]);
}

#[tokio::test]
async fn anything_before_connect_is_a_violation() {
    let node = Rialto::start(&[]).await;
    for (kind, body) in [
        ("subscribe", json!({"channel": "news"})),
        ("publish", json!({"channel": "news", "data": {}})),
        ("rpc", json!({"method": "user.me", "data": {}})),
        ("history", json!({"channel": "news", "limit": 1})),
        ("presence", json!({"channel": "news"})),
        ("refresh", json!({"token": "x"})),
    ] {
        let mut wire = Wire::open(node.url()).await;
        wire.issue(kind, body).await;
        let closed = wire.closed().await;
        assert_eq!(closed.code, 3501, "{kind}: {closed:?}");
        assert!(!closed.reason.is_empty(), "SDKs reconnect when there is no reason");
    }
}

#[tokio::test]
async fn a_second_connect_is_a_violation() {
    let node = Rialto::start(&[]).await;
    let user = node.user("alice").await;
    let mut wire = Wire::connect(node.url(), &user.token).await;
    wire.issue("connect", json!({"token": user.token})).await;
    assert_eq!(wire.closed().await.code, 3501);
}

#[tokio::test]
async fn without_a_token_only_where_the_configuration_allows_it() {
    let node = Rialto::start(&[]).await;
    let mut wire = Wire::open(node.url()).await;
    wire.issue("connect", json!({})).await;
    assert_eq!(wire.closed().await.code, 3500);

    let open = Rialto::start(&["auth.anonymous=true"]).await;
    let mut wire = Wire::open(open.url()).await;
    let hello = wire.call("connect", json!({})).await.expect("anonymous connections are allowed here");
    assert!(!hello.text("client").is_empty());
}

#[tokio::test]
async fn unknown_fields_are_ignored() {
    let node = Rialto::start(&[]).await;
    let user = node.user("alice").await;
    let mut wire = Wire::open(node.url()).await;
    let body = json!({"token": user.token, "name": "js", "version": "5.7", "flag": 1, "headers": {}, "novelty": [1, {"x": null}]});
    wire.call("connect", body).await.expect("fields of newer SDKs do no harm");
    wire.call("subscribe", json!({"channel": "news", "flag": 1, "novelty": true})).await.expect("nor here");
}

#[tokio::test]
async fn the_server_pings_and_takes_an_empty_object_as_pong() {
    let node = Rialto::start(&[]).await;
    let user = node.user("alice").await;
    let mut wire = Wire::connect(node.url(), &user.token).await;
    eventually("a ping", async || {
        wire.read_frame().await.expect("the connection stays");
        (wire.pings_seen > 0).then_some(())
    })
    .await;
    // The pong has left with the frame's reading; the connection must still be good.
    wire.ask("user.me", json!({})).await;
}
