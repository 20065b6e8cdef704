//! Several commands in one frame, in order, and replies in order.

use rialto_tests::{Pick as _, Rialto, Wire, json};

#[tokio::test]
async fn connect_and_subscribe_in_one_frame() {
    let node = Rialto::start(&[]).await;
    let user = node.user("alice").await;
    let mut wire = Wire::open(node.url()).await;
    let ids = wire
        .issue_batch(vec![
            ("connect", json!({"token": user.token})),
            ("subscribe", json!({"channel": "news"})),
            ("publish", json!({"channel": "news", "data": {"n": 1}})),
            ("history", json!({"channel": "news", "limit": 10})),
        ])
        .await;
    wire.reply(ids[0], "connect").await.expect("connect");
    wire.reply(ids[1], "subscribe").await.expect("subscribe");
    wire.reply(ids[2], "publish").await.expect("publish");
    let history = wire.reply(ids[3], "history").await.expect("history");
    assert_eq!(history.list("publications").len(), 1, "commands of one frame are done in order: {history}");
    assert_eq!(wire.publication("news").await["data"], json!({"n": 1}));
}

#[tokio::test]
async fn a_hundred_sends_in_one_frame_keep_their_order() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    let room = alice.opens_group("tea", &[]).await;
    let commands = (0..100).map(|number| {
        let data = json!({"conversation": room, "client_id": format!("batch-{number}"), "text": format!("{number}")});
        ("rpc", json!({"method": "conversation.send", "data": data}))
    });
    let ids = alice.wire.issue_batch(commands.collect()).await;
    let mut offsets = Vec::new();
    for id in ids {
        let reply = alice.wire.reply(id, "rpc").await.expect("a send");
        offsets.push(reply["data"].number("offset"));
    }
    let expected: Vec<u64> = (2..102).collect();
    assert_eq!(offsets, expected, "dense, and in the order of the frame");
}

#[tokio::test]
async fn a_refused_command_does_not_stop_the_others_of_its_frame() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    let ids = alice
        .wire
        .issue_batch(vec![("rpc", json!({"method": "no.such.method", "data": {}})), ("rpc", json!({"method": "user.me", "data": {}}))])
        .await;
    assert_eq!(alice.wire.reply(ids[0], "rpc").await.expect_err("unknown").code, 104);
    let me = alice.wire.reply(ids[1], "rpc").await.expect("known");
    assert_eq!(me["data"].text("id"), alice.id());
}
