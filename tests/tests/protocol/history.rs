//! history: position, direction, since, limits and refusals, on a log-backed channel and on a topic.

use rialto_tests::{Person, Pick as _, Rialto, Value, json};

/// Alice with a conversation of `messages` messages, whose offsets begin at 2.
async fn alice_after(node: &Rialto, messages: u64) -> Person {
    let mut alice = node.person("alice").await;
    alice.opens_group("tea", &[]).await;
    for number in 0..messages {
        alice.says(&format!("message {number}")).await;
    }
    alice
}

async fn history(alice: &mut Person, mut body: Value) -> Value {
    body["channel"] = alice.channel().into();
    alice.wire.call("history", body).await.expect("history")
}

fn offsets(reply: &Value) -> Vec<u64> {
    reply.list("publications").iter().map(|publication| publication.number("offset")).collect()
}

#[tokio::test]
async fn every_row_appears_with_its_event_dense_from_one() {
    let node = Rialto::start(&[]).await;
    let mut alice = alice_after(&node, 3).await;
    alice.does("conversation.edit", json!({"target": 2, "text": "edited"})).await;
    alice.does("conversation.react", json!({"target": 2, "emoji": "👍"})).await;
    alice.does("conversation.delete", json!({"target": 3})).await;
    let reply = history(&mut alice, json!({"limit": -1})).await;
    assert_eq!(offsets(&reply), [1, 2, 3, 4, 5, 6, 7]);
    let types: Vec<String> = reply.list("publications").iter().map(|publication| publication["data"].text("type")).collect();
    let expected = ["conversation_created", "message", "message", "message", "message_edited", "reaction_added", "message_deleted"];
    assert_eq!(types, expected);
    assert_eq!(reply.number("offset"), 7);
}

#[tokio::test]
async fn limit_zero_is_the_position_alone() {
    let node = Rialto::start(&[]).await;
    let mut alice = alice_after(&node, 3).await;
    for body in [json!({}), json!({"limit": 0})] {
        let reply = history(&mut alice, body).await;
        assert_eq!(reply.number("offset"), 4);
        assert!(!reply.text("epoch").is_empty());
        assert!(offsets(&reply).is_empty(), "{reply}");
    }
}

#[tokio::test]
async fn oldest_first_or_newest_first_and_since_is_exclusive() {
    let node = Rialto::start(&[]).await;
    let mut alice = alice_after(&node, 9).await;
    let epoch = history(&mut alice, json!({})).await.text("epoch");
    assert_eq!(offsets(&history(&mut alice, json!({"limit": 3})).await), [1, 2, 3]);
    assert_eq!(offsets(&history(&mut alice, json!({"limit": 3, "reverse": true})).await), [10, 9, 8]);
    let since = json!({"offset": 4, "epoch": epoch});
    assert_eq!(offsets(&history(&mut alice, json!({"limit": 3, "since": since})).await), [5, 6, 7]);
    assert_eq!(offsets(&history(&mut alice, json!({"limit": 3, "since": since, "reverse": true})).await), [3, 2, 1]);
    let end = json!({"offset": 10, "epoch": epoch});
    let beyond = history(&mut alice, json!({"limit": 3, "since": end})).await;
    assert!(offsets(&beyond).is_empty(), "{beyond}");
}

#[tokio::test]
async fn an_absent_or_empty_epoch_is_not_compared_another_is_112() {
    let node = Rialto::start(&[]).await;
    let mut alice = alice_after(&node, 2).await;
    for since in [json!({"offset": 1}), json!({"offset": 1, "epoch": ""})] {
        assert_eq!(offsets(&history(&mut alice, json!({"limit": 10, "since": since})).await), [2, 3]);
    }
    let channel = alice.channel();
    let body = json!({"channel": channel, "limit": 10, "since": {"offset": 1, "epoch": "another"}});
    assert_eq!(alice.wire.call("history", body).await.expect_err("another life").code, 112);
    let body = json!({"channel": channel, "limit": 10, "reverse": true, "since": {"offset": 0}});
    assert_eq!(alice.wire.call("history", body).await.expect_err("nothing lies before 0").code, 107);
}

#[tokio::test]
async fn three_hundred_rows_are_the_most() {
    let node = Rialto::start(&[]).await;
    let mut alice = alice_after(&node, 0).await;
    let room = alice.room().to_owned();
    let sends = (0..310).map(|number| {
        let data = json!({"conversation": room, "client_id": format!("id-{number}"), "text": "x"});
        ("rpc", json!({"method": "conversation.send", "data": data}))
    });
    for id in alice.wire.issue_batch(sends.collect()).await {
        alice.wire.reply(id, "rpc").await.expect("sent");
    }
    for limit in [-1_i64, 301, 100_000] {
        let rows = offsets(&history(&mut alice, json!({"limit": limit})).await);
        assert_eq!((rows.len(), rows[0]), (300, 1), "limit {limit}");
    }
}

#[tokio::test]
async fn a_topic_keeps_its_hundred_newest() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    let publish = |number: u64| ("publish", json!({"channel": "news", "data": number}));
    for id in alice.wire.issue_batch((1..=120).map(publish).collect()).await {
        alice.wire.reply(id, "publish").await.expect("published");
    }
    let reply = alice.wire.call("history", json!({"channel": "news", "limit": -1})).await.expect("history");
    let expected: Vec<u64> = (21..=120).collect();
    assert_eq!(offsets(&reply), expected);
    assert_eq!(reply["publications"][0]["data"], 21);
}
